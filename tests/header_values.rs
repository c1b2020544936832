//! The values of headers: those that a client sends as bytes, and those that a consumer sends.

mod support;

use channels::prelude::*;
use support::{Running, app, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A close frame, masked with zeros: the server answers it and closes.
const CLOSE: &[u8] = b"\x88\x80\0\0\0\0";

/// Writes bytes, and reads until the server closes.
async fn exchange(server: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    within(stream.write_all(bytes)).await.expect("written");
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("an answer, and the end");
    answer
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}

/// Sends back what it is sent, as bytes, and as text.
#[consumer]
#[derive(Default)]
struct Mirror;

#[consumer]
impl Mirror {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let headers = socket.scope().headers();
        let bytes = headers.get_bytes("x-name").unwrap_or_default().to_vec();
        let shown = headers.get("x-name").unwrap_or("none").to_owned();
        if socket.scope().query_string() == "deny" {
            let deny = socket.deny(StatusCode::FORBIDDEN);
            return deny.header_bytes("x-bytes", &bytes).body(shown).await;
        }
        socket.accept().header_bytes("x-bytes", &bytes).await
    }
}

#[consumer(http)]
#[derive(Default)]
struct PageMirror;

#[consumer]
impl PageMirror {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let headers = http.scope().headers();
        let values = headers.get_all_bytes("x-name");
        let bytes = values.collect::<Vec<_>>().join(&b"; "[..]);
        let shown = headers.get_all("x-name").collect::<Vec<_>>().join("; ");
        if http.scope().query_string() == "stream" {
            let begun = http.send_headers(StatusCode::OK);
            begun.header_bytes("x-bytes", &bytes).await?;
            http.send_body(shown).await?;
            return http.end();
        }
        let sent = http.send_response(StatusCode::OK, shown);
        sent.header_bytes("x-bytes", &bytes).await
    }
}

/// As in ASGI, where headers are bytes.
#[tokio::test]
async fn a_value_that_is_not_ascii_is_passed_on_both_ways() {
    let server = Running::start(&app(Mirror::app()).http(PageMirror::app())).await;
    for (sent, shown) in [
        (&b"caf\xe9"[..], "caf\u{e9}"),
        (b"caf\xc3\xa9", "caf\u{e9}"),
        (b"\xff\xfe\x80", "\u{ff}\u{fe}\u{80}"),
        (b"plain", "plain"),
    ] {
        for (target, upgrade) in [
            ("/", ""),
            ("/?stream", ""),
            ("/ws/", UPGRADE),
            ("/ws/?deny", UPGRADE),
        ] {
            let head = format!(
                "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{upgrade}X-Name: "
            );
            let request = [head.as_bytes(), sent, b"\r\n\r\n", CLOSE].concat();
            let answer = exchange(&server, &request).await;
            let line = [b"\r\nx-bytes: ", sent, b"\r\n"].concat();
            let shown_answer = String::from_utf8_lossy(&answer);
            let has = |part: &[u8]| answer.windows(part.len()).any(|found| found == part);
            assert!(has(&line), "{target} {sent:?}: {shown_answer}");
            if target != "/ws/" {
                assert!(has(shown.as_bytes()), "{target} {sent:?}: {shown_answer}");
            }
        }
    }
    let twice =
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Name: \xff\r\nX-Name: b\r\nConnection: close\r\n\r\n";
    let answer = exchange(&server, twice).await;
    assert!(answer.ends_with("\u{ff}; b".as_bytes()), "both are there");
}

/// What a consumer may be made to say by its client: none of it is a header.
const SMUGGLED: [(&str, &str); 12] = [
    ("x-a", "b\r\nset-cookie: stolen=1"),
    ("x-a", "b\nset-cookie: stolen=1"),
    ("x-a", "b\rset-cookie: stolen=1"),
    ("x-a", "b\r\n\r\nHTTP/1.1 200 OK"),
    ("x-a", "b\0"),
    ("x-a", "b\u{b}c"),
    ("x-a", "b\u{7f}c"),
    ("x-a", "b\u{85}c"),
    ("x-a\r\nset-cookie", "stolen=1"),
    ("x-a: b\nset-cookie", "stolen=1"),
    ("x a", "b"),
    ("", "b"),
];

#[consumer]
#[derive(Default)]
struct Smuggler;

#[consumer]
impl Smuggler {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let lengths = [("content-length", "3"), ("transfer-encoding", "chunked")];
        for (name, value) in SMUGGLED.into_iter().chain(lengths) {
            let accepted = socket.accept().header(name, value).await;
            assert_eq!(accepted.expect_err(name).kind(), ErrorKind::Handshake);
            let denied = socket.deny(StatusCode::FORBIDDEN).header(name, value);
            assert_eq!(denied.await.expect_err(name).kind(), ErrorKind::Handshake);
        }
        socket.accept().header("x-good", "1").await
    }
}

#[consumer(http)]
#[derive(Default)]
struct PageSmuggler;

#[consumer]
impl PageSmuggler {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        for (name, value) in SMUGGLED {
            let sent = http.send_response(StatusCode::OK, "").header(name, value);
            assert_eq!(sent.await.expect_err(name).kind(), ErrorKind::Response);
            let sent = http.send_headers(StatusCode::OK).header(name, value);
            assert_eq!(sent.await.expect_err(name).kind(), ErrorKind::Response);
        }
        http.send_response(StatusCode::OK, "")
            .header("x-good", "1")
            .await
    }
}

#[tokio::test]
async fn an_answer_smuggles_no_header() {
    let server = Running::start(&app(Smuggler::app()).http(PageSmuggler::app())).await;
    let page = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let page = text(&exchange(&server, page.as_bytes()).await);
    let socket = format!("GET /ws/ HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
    let socket = [socket.as_bytes(), CLOSE].concat();
    let socket = text(&exchange(&server, &socket).await);
    for (answer, start) in [
        (page, "HTTP/1.1 200 OK\r\n"),
        (socket, "HTTP/1.1 101 Switching"),
    ] {
        assert!(answer.starts_with(start), "{answer}");
        assert!(answer.contains("\r\nx-good: 1\r\n"), "{answer}");
        assert!(
            !answer.contains("x-a") && !answer.contains("stolen"),
            "{answer}"
        );
    }
}
