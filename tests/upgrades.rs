//! Requests that look like handshakes, and handshakes that look like other requests: two readers must
//! not understand one message differently.

mod support;

use channels::prelude::*;
use channels::{Answering, Handshake, HttpApp, HttpRequest, WebSocketApp};
use support::{Journal, Running, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A close frame, masked with zeros: the server answers it and closes.
const CLOSE: &[u8] = b"\x88\x80\0\0\0\0";

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

/// A handshake for `/ws/`, with more headers. The odd one has so many that only hyper reads it.
fn handshake(headers: &str, is_odd: bool) -> String {
    let odd = "X: y\r\n".repeat(if is_odd { 40 } else { 0 });
    format!("GET /ws/ HTTP/1.1\r\nHost: a\r\n{UPGRADE}{VERSION}{KEY}{headers}{odd}\r\n")
}

#[consumer]
struct Socket {
    journal: Journal,
}

#[consumer]
impl Socket {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let offered = socket.scope().subprotocols().join(" ");
        self.journal.note(format!("socket [{offered}]"));
        socket.accept().await
    }

    async fn receive(&mut self, _: &mut WebSocket, message: Message) -> Result {
        self.journal.note(format!("{message:?}"));
        Ok(())
    }
}

#[consumer(http)]
struct Page {
    journal: Journal,
}

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange, body: String) -> Result {
        self.journal.note(format!("{} {body}", http.method()));
        http.send_response(StatusCode::NOT_FOUND, "no such thing")
            .header("x-own", "1")
            .await
    }
}

/// A socket at `/ws/`, and a page at `/ws/` and `/page/`, or at the latter alone.
async fn server(is_shared: bool) -> (Running, Journal) {
    let journal = Journal::default();
    let (sockets, pages) = (journal.clone(), journal.clone());
    let socket = Socket::app_with(move |_| Socket {
        journal: sockets.clone(),
    });
    let page = Page::app_with(move |_| Page {
        journal: pages.clone(),
    });
    let mut router = URLRouter::new().path("page/", page.clone());
    if is_shared {
        router = router.path("ws/", page);
    }
    let app = support::app(socket).http(router);
    (Running::start(&app).await, journal)
}

/// Writes bytes, and reads until the server closes.
async fn exchange(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    within(stream.write_all(bytes)).await.expect("written");
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("an answer, and the end");
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    let starts = answer.split("HTTP/1.1 ").skip(1);
    starts.map(|rest| rest.get(..3).unwrap_or(rest)).collect()
}

#[tokio::test]
async fn a_handshake_with_a_body_is_refused_and_the_connection_closed() {
    let (server, journal) = server(false).await;
    // What one reader takes for the body, another takes for a frame.
    let frame = b"\x81\x85\0\0\0\0hello";
    for headers in [
        "Content-Length: 11\r\n",
        "Content-Length: 00\r\n",
        "Content-Length: 11\r\nContent-Length: 11\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 11\r\nExpect: 100-continue\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 11\r\n",
    ] {
        for is_odd in [false, true] {
            let head = handshake(headers, is_odd);
            let bytes = [head.as_bytes(), frame, CLOSE].concat();
            let answer = exchange(&server, &bytes).await;
            assert_eq!(statuses(&answer), ["400"], "{headers}: {answer}");
            assert!(answer.contains("connection: close\r\n"), "{answer}");
        }
        // The body comes later.
        let mut stream = TcpStream::connect(server.address).await.expect("connected");
        let head = handshake(headers, false);
        stream.write_all(head.as_bytes()).await.expect("written");
        let mut start = [0; 12];
        within(stream.read_exact(&mut start)).await.expect("a head");
        assert_eq!(&start, b"HTTP/1.1 400", "{headers}");
        // The connection may be closed by now.
        let _ = stream.write_all(&[&frame[..], CLOSE].concat()).await;
        let mut rest = Vec::new();
        let _ = within(stream.read_to_end(&mut rest)).await;
        assert!(!rest.contains(&0x88), "{headers}: no frame is answered");
    }
    assert_eq!(journal.lines(), Vec::<String>::new());
    // A body that is declared as empty is none.
    let bytes = [handshake("Content-Length: 0\r\n", false).as_bytes(), CLOSE].concat();
    let answer = exchange(&server, &bytes).await;
    assert_eq!(statuses(&answer), ["101"], "{answer}");
}

/// A service of the `http` application may have sockets of its own.
#[tokio::test]
async fn a_handshake_with_a_body_reaches_no_service() {
    let (server, journal) = server(false).await;
    for headers in ["Content-Length: 11\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = handshake(headers, false).replace("/ws/", "/page/");
        let bytes = [head.as_bytes(), b"\x81\x85\0\0\0\0hello", CLOSE].concat();
        let answer = exchange(&server, &bytes).await;
        assert_eq!(statuses(&answer), ["400"], "{headers}: {answer}");
    }
    assert_eq!(journal.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_a_handshake_goes_to_the_page_of_its_path() {
    let (shared, journal) = server(true).await;
    let (apart, _) = server(false).await;
    let body = "Content-Length: 2\r\nConnection: close, Upgrade\r\n\r\nhi";
    let upgrade = format!("Upgrade: websocket\r\n{VERSION}{KEY}{body}");
    for method in ["POST", "PUT", "DELETE"] {
        let request = format!("{method} /ws/ HTTP/1.1\r\nHost: a\r\n{upgrade}");
        let answer = exchange(&shared, request.as_bytes()).await;
        assert_eq!(statuses(&answer), ["404"], "{answer}");
        assert!(answer.ends_with("no such thing"), "{answer}");
        assert_eq!(journal.lines().pop(), Some(format!("{method} hi")));
        let answer = exchange(&apart, request.as_bytes()).await;
        assert_eq!(statuses(&answer), ["400"], "{answer}");
    }
    // RFC 9110 §7.8: `Upgrade` means nothing in HTTP/1.0.
    let old = format!("GET /ws/ HTTP/1.0\r\nHost: a\r\n{UPGRADE}{VERSION}{KEY}\r\n");
    let answer = exchange(&shared, old.as_bytes()).await;
    assert!(answer.ends_with("no such thing"), "{answer}");
    // A member that is not text hides no other.
    let odd = b"GET /ws/ HTTP/1.1\r\nHost: a\r\nConnection: \xff, Upgrade\r\nUpgrade: \xff, websocket\r\n";
    let odd = [odd, VERSION.as_bytes(), KEY.as_bytes(), b"\r\n", CLOSE].concat();
    let answer = exchange(&shared, &odd).await;
    assert_eq!(statuses(&answer), ["101"], "{answer}");
}

#[tokio::test]
async fn a_page_keeps_its_own_404() {
    let (shared, _) = server(true).await;
    let (apart, _) = server(false).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for path in ["/ws/", "/page/"] {
        let answer = exchange(&shared, get(path).as_bytes()).await;
        assert_eq!(statuses(&answer), ["404"], "{answer}");
        assert!(answer.contains("x-own: 1\r\n"), "{answer}");
        assert!(answer.ends_with("no such thing"), "{answer}");
    }
    let answer = exchange(&apart, get("/ws/").as_bytes()).await;
    assert_eq!(statuses(&answer), ["426"], "{answer}");
    assert!(answer.contains("upgrade: websocket\r\n"), "{answer}");
    let connection = answer
        .lines()
        .filter(|line| line.starts_with("connection:"));
    let connection: Vec<_> = connection.collect();
    assert!(
        connection.iter().any(|line| line.contains("upgrade")),
        "{answer}"
    );
    let answer = exchange(&apart, get("/nowhere/").as_bytes()).await;
    assert_eq!(statuses(&answer), ["404"], "{answer}");
}

/// A service does not report its routes: its 404 with content or headers is one of its pages.
#[tokio::test]
async fn a_service_keeps_its_own_404() {
    let pages = axum::Router::new()
        .route("/ws/", axum::routing::post(async || "posted"))
        .route(
            "/ws/text",
            axum::routing::get(async || (StatusCode::NOT_FOUND, "gone")),
        )
        .route(
            "/ws/header",
            axum::routing::get(async || (StatusCode::NOT_FOUND, [("x-own", "1")])),
        );
    let journal = Journal::default();
    let socket = Socket::app_with(move |_| Socket {
        journal: journal.clone(),
    });
    let sockets = URLRouter::new()
        .path("ws/", socket.clone())
        .path("ws/<str:what>", socket);
    let app = ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(sockets)
        .http(pages);
    let server = Running::start(&app).await;
    for (path, status, content) in [
        ("/ws/text", "404", "gone"),
        ("/ws/header", "404", "x-own: 1"),
        ("/ws/other", "426", "upgrade: websocket"),
        ("/ws/", "405", "allow: POST"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = exchange(&server, request.as_bytes()).await;
        assert_eq!(statuses(&answer), [status], "{path}: {answer}");
        assert!(answer.contains(content), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_426_names_the_protocol() {
    let (server, _) = server(false).await;
    for version in ["", "Sec-WebSocket-Version: 8\r\n"] {
        let request = handshake("Connection: close\r\n", false).replace(VERSION, version);
        let answer = exchange(&server, request.as_bytes()).await;
        assert_eq!(statuses(&answer), ["426"], "{answer}");
        assert!(answer.contains("sec-websocket-version: 13\r\n"), "{answer}");
        assert!(answer.contains("upgrade: websocket\r\n"), "{answer}");
    }
    let request = handshake("Connection: close\r\nSec-WebSocket-Version: 13\r\n", false);
    let answer = exchange(&server, request.as_bytes()).await;
    assert_eq!(statuses(&answer), ["400"], "{answer}");
}

#[tokio::test]
async fn subprotocols_are_tokens_and_each_is_offered_once() {
    let (server, journal) = server(false).await;
    for (offered, is_valid) in [
        (&b"v2, v1"[..], true),
        (b",v2,,v1,", true),
        (b"v2\r\nSec-WebSocket-Protocol: v1", true),
        (b"v1, a b", false),
        (b"v1, <script>", false),
        (b"v1, \"v2\"", false),
        (b"v1, caf\xe9", false),
        (b"\xff", false),
        (b"v1, v1", false),
        (b"v1\r\nSec-WebSocket-Protocol: v1", false),
    ] {
        for is_odd in [false, true] {
            let head = handshake("Sec-WebSocket-Protocol: #\r\nConnection: close\r\n", is_odd);
            let (before, after) = head.split_once('#').expect("a place");
            let head = [before.as_bytes(), offered, after.as_bytes(), CLOSE].concat();
            let lines = journal.lines().len();
            let answer = exchange(&server, &head).await;
            let shown = String::from_utf8_lossy(offered);
            let expected = if is_valid { ["101"] } else { ["400"] };
            assert_eq!(statuses(&answer), expected, "{shown}: {answer}");
            let noted = &journal.lines()[lines..];
            if is_valid {
                assert_eq!(noted, ["socket [v2 v1]"], "{shown}");
            } else {
                assert!(noted.is_empty(), "{shown}: {noted:?}");
            }
        }
    }
}

/// RFC 9110 §7.8: a 100 precedes the 101. Where hyper answers, which sends none, the final response that
/// §10.1.1 allows is a 417.
#[tokio::test]
async fn an_expectation_of_a_handshake_is_answered() {
    let (server, journal) = server(false).await;
    for expect in ["100-continue", "100-Continue"] {
        let headers = format!("Expect: {expect}\r\n");
        let bytes = [handshake(&headers, false).as_bytes(), CLOSE].concat();
        let answer = exchange(&server, &bytes).await;
        assert_eq!(statuses(&answer), ["100", "101"], "{answer}");
        assert!(
            answer.starts_with("HTTP/1.1 100 Continue\r\n\r\n"),
            "{answer}"
        );
    }
    assert_eq!(journal.lines().len(), 2);
    for (expect, is_odd) in [("100-continue", true), ("other", false), ("other", true)] {
        let headers = format!("Expect: {expect}\r\nConnection: close\r\n");
        let answer = exchange(&server, handshake(&headers, is_odd).as_bytes()).await;
        assert_eq!(statuses(&answer), ["417"], "{expect}: {answer}");
    }
    // A refusal is a final response: no 100 precedes it.
    let headers = "Expect: 100-continue\r\nSec-WebSocket-Protocol: a b\r\nConnection: close\r\n";
    let answer = exchange(&server, handshake(headers, false).as_bytes()).await;
    assert_eq!(statuses(&answer), ["400"], "{answer}");
    assert_eq!(journal.lines().len(), 2);
}

/// Answers with statuses that no response has.
#[derive(Clone)]
struct Odd;

fn odd(path: &str) -> StatusCode {
    let digits = path.trim_matches('/');
    let status = digits.parse().expect("a number");
    StatusCode::from_u16(status).expect("a status to the library")
}

impl WebSocketApp for Odd {
    fn answer(&self, handshake: Handshake) -> Answering<'_> {
        let status = odd(handshake.scope().path());
        if handshake.scope().query_string() == "deny" {
            return handshake.deny(status);
        }
        let mut response = channels::Response::default();
        *response.status_mut() = status;
        Box::pin(async { response })
    }
}

impl HttpApp for Odd {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        let status = odd(request.scope().path());
        if request.scope().query_string() == "deny" {
            return request.deny(status);
        }
        let mut response = channels::Response::default();
        *response.status_mut() = status;
        Box::pin(async { response })
    }
}

#[consumer(http)]
#[derive(Default)]
struct OddPage;

#[consumer]
impl OddPage {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        for status in [100, 101, 199, 600, 999] {
            let status = StatusCode::from_u16(status).expect("a status to the library");
            let sent = http.send_response(status, "").await;
            assert_eq!(sent.expect_err("no status").kind(), ErrorKind::Response);
            let sent = http.send_headers(status).await;
            assert_eq!(sent.expect_err("no status").kind(), ErrorKind::Response);
        }
        http.send_response(StatusCode::OK, "refused").await
    }
}

#[tokio::test]
async fn a_response_has_a_status_that_clients_know() {
    let pages = Running::start(&ProtocolTypeRouter::new().http(Odd)).await;
    let sockets = Running::start(&ProtocolTypeRouter::new().websocket(Odd)).await;
    for (status, expected) in [
        (200, "200"),
        (599, "599"),
        (600, "500"),
        (999, "500"),
        (103, "500"),
    ] {
        for query in ["", "?deny"] {
            for (server, upgrade, is_odd) in [
                (&pages, "", false),
                (&sockets, UPGRADE, false),
                (&sockets, UPGRADE, true),
            ] {
                let odd = "X: y\r\n".repeat(if is_odd { 40 } else { 0 });
                let request = format!(
                    "GET /{status}/{query} HTTP/1.1\r\nHost: a\r\n{upgrade}{VERSION}{KEY}{odd}Connection: close\r\n\r\n"
                );
                let answer = exchange(server, request.as_bytes()).await;
                assert_eq!(statuses(&answer), [expected], "{request}: {answer}");
            }
        }
    }
    // A program's mistake does not tell a client that it has a socket.
    let request = format!(
        "GET /101/?deny HTTP/1.1\r\nHost: a\r\n{UPGRADE}{VERSION}{KEY}Connection: close\r\n\r\n"
    );
    let answer = exchange(&sockets, request.as_bytes()).await;
    assert_eq!(statuses(&answer), ["500"], "{answer}");
    let page = URLRouter::new().path("", OddPage::app());
    let app = ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .http(page);
    let server = Running::start(&app).await;
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = exchange(&server, request.as_bytes()).await;
    assert!(answer.ends_with("refused"), "{answer}");
}
