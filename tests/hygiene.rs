//! Heads of requests as an attacker writes them, byte by byte, on a real socket: what is refused, and
//! that the application never sees it.

mod support;

use std::time::Duration;

use axum::extract::Request;
use channels::prelude::*;
use channels::testing::HttpCommunicator;
use support::{Journal, Running, app, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Notes whom it lets in, and what of their headers it was given.
#[consumer]
struct Witness {
    journal: Journal,
}

#[consumer]
impl Witness {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let names: Vec<_> = socket
            .scope()
            .headers()
            .iter()
            .map(|(name, _)| name)
            .collect();
        self.journal.note(format!("socket {names:?}"));
        socket.accept().await
    }
}

/// A server whose pages and sockets note what reaches them.
async fn witness() -> (Running, Journal) {
    let journal = Journal::default();
    let (pages, sockets) = (journal.clone(), journal.clone());
    let page = move |request: Request| {
        let names: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
        pages.note(format!("{} {names:?}", request.uri()));
        async { "a page" }
    };
    let consumer = Witness::app_with(move |_| Witness {
        journal: sockets.clone(),
    });
    let app = app(consumer).http(axum::Router::new().fallback(page));
    (Running::start(&app).await, journal)
}

/// Writes bytes as they stand, and reads until the server closes.
async fn exchange(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    within(stream.write_all(bytes)).await.expect("written");
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("an answer, and the end");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The refusal of a head, and of the same as a handshake; the connection is closed after both, and
/// neither reaches the application.
async fn is_refused(server: &Running, journal: &Journal, status: u16, head: &[u8]) {
    let start = format!("HTTP/1.1 {status} ");
    for upgrade in ["", UPGRADE] {
        // What comes behind a refused head is not read as a request.
        let next = "\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n";
        let bytes = [head, upgrade.as_bytes(), next.as_bytes()].concat();
        let answer = exchange(server, &bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        assert!(answer.starts_with(&start), "{shown:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{shown:?}: {answer}");
        assert_eq!(journal.lines(), Vec::<String>::new(), "{shown:?}");
    }
}

#[tokio::test]
async fn a_host_is_there_once_and_is_one() {
    let (server, journal) = witness().await;
    for hosts in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nX: y\r\nhost: b\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: user@a\r\n",
        "Host: a/b\r\n",
        "Host: a, b\r\n",
        "Host: a:b\r\n",
        "Host: a:99999\r\n",
        "Host: [::1\r\n",
        "Host: http://a\r\n",
        "Host: \u{e9}\r\n",
        "Host : a\r\n",
    ] {
        let head = format!("GET /ws/ HTTP/1.1\r\n{hosts}");
        is_refused(&server, &journal, 400, head.as_bytes()).await;
    }
}

#[tokio::test]
async fn a_target_is_ascii_and_of_the_host() {
    let (server, journal) = witness().await;
    for target in [
        &b"/ws/\xc3\xa9"[..],
        b"/ws/?q=\xc3\xa9",
        b"/ws/\xff",
        b"/ws/\x01",
        b"/ws/\x7f",
        b"/ws/ x",
        b"",
        b"http://b/ws/",
        b"http://a:8080/ws/",
        b"http://a:443/ws/",
        b"https://a:80/ws/",
        b"http://a:/ws/",
        b"http://user@a/ws/",
        b"http://a@a/ws/",
        b"ftp://a/ws/",
        b"ws://a/ws/",
        b"http:///ws/",
        b"b:80",
        b"a:80",
        b"a",
        b"*",
        b"?q",
        b"ws/",
    ] {
        let head = [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n"].concat();
        is_refused(&server, &journal, 400, &head).await;
    }
    is_refused(
        &server,
        &journal,
        400,
        b"CONNECT b:80 HTTP/1.1\r\nHost: a\r\n",
    )
    .await;
}

#[tokio::test]
async fn headers_hold_text_of_one_line() {
    let (server, journal) = witness().await;
    for line in [
        &b"X: a\x00b"[..],
        b"X: a\x01b",
        b"X: a\x0bb",
        b"X: a\x0cb",
        b"X: a\x1cb",
        b"X: a\x1db",
        b"X: a\x1eb",
        b"X: a\x7fb",
        b"X: a\x85b",
        b"X: a\xc2\x85b",
        b"X: a\xe2\x80\xa8b",
        b"X: a\xe2\x80\xa9b",
        b"X: a\rb",
        b"X: a\r\n folded",
        b"X y: a",
        b"X : a",
        b"X\x01: a",
        b"X\x85: a",
        b"X(: a",
        b": a",
        b"no colon",
        b" X: a",
    ] {
        let head = [b"GET /ws/ HTTP/1.1\r\nHost: a\r\n", line, b"\r\n"].concat();
        is_refused(&server, &journal, 400, &head).await;
    }
    // Text is text, in either encoding.
    for line in [&b"X: caf\xe9"[..], "X: Ångström…".as_bytes(), b"X: a\tb"] {
        let head = [
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
            line,
            b"\r\n\r\n",
        ];
        let answer = exchange(&server, &head.concat()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn a_body_has_one_length() {
    let (server, journal) = witness().await;
    for lengths in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 \u{a0}\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        let head = format!("POST /ws/ HTTP/1.1\r\nHost: a\r\n{lengths}");
        is_refused(&server, &journal, 400, head.as_bytes()).await;
    }
}

/// RFC 9112 §6.3: the coding wins, and what follows the message is no request, whatever the length
/// has said: the connection is closed.
#[tokio::test]
async fn a_coding_beside_a_length_smuggles_nothing() {
    let (server, journal) = witness().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (first, second) in [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 100"),
        (
            "Content-Length: 0\r\nContent-Length: 0",
            "Transfer-Encoding: Chunked",
        ),
    ] {
        let head = format!("POST /page HTTP/1.1\r\nHost: a\r\n{first}\r\n{second}\r\n\r\n");
        let answer = exchange(&server, format!("{head}0\r\n\r\n{smuggled}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        let lines = journal.lines();
        let last = lines.last().expect("the page");
        assert!(
            last.starts_with("/page") && !last.contains("content-length"),
            "{last}"
        );
    }
    assert_eq!(journal.lines().len(), 3);
}

#[tokio::test]
async fn a_name_with_an_underscore_passes_for_no_other() {
    let (server, journal) = witness().await;
    let head =
        "Host: a\r\nX_Forwarded_For: 8.8.8.8\r\nx-real_ip: 8.8.8.8\r\n__: 1\r\nX-Kept: 1\r\n";
    let page = format!("GET / HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
    assert!(
        exchange(&server, page.as_bytes())
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    let handshake = format!("GET /ws/ HTTP/1.1\r\n{head}{UPGRADE}\r\n");
    stream
        .write_all(handshake.as_bytes())
        .await
        .expect("written");
    let mut start = [0; 13];
    within(stream.read_exact(&mut start))
        .await
        .expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 101 ");
    let lines = journal.lines();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(line.contains("x-kept") && !line.contains('_'), "{line}");
    }
}

#[tokio::test]
async fn the_old_and_the_odd_are_no_failure_of_the_server() {
    let (server, journal) = witness().await;
    for (request, status) in [
        ("GET / HTTP/1.0\r\n\r\n", "200"),
        ("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", "400"),
        ("GET http://a/absolute HTTP/1.0\r\n\r\n", "200"),
        (
            "GET http://A:80/absolute HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n",
            "200",
        ),
        ("GET http://a_b@c/absolute HTTP/1.0\r\n\r\n", "400"),
        (
            "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "200",
        ),
        (
            "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nConnection: close\r\n\r\n",
            "200",
        ),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "400"),
        ("G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("\r\n\r\n\r\n\0", "400"),
    ] {
        let answer = exchange(&server, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} "))
                || answer.starts_with(&format!("HTTP/1.0 {status} ")),
            "{request:?}: {answer}"
        );
    }
    assert_eq!(journal.lines().len(), 5);
}

#[tokio::test]
async fn a_head_too_large_is_told_so_while_its_client_still_sends() {
    let (server, journal) = witness().await;
    // More than the kernel takes by itself: whoever writes it fails if the server closes at once.
    let bomb = format!("Cookie: {}\r\n", "x=y; ".repeat(4_000_000));
    let many = |count: usize| "X: y\r\n".repeat(count);
    let cookies = "Cookie: a=b\r\n".repeat(80_000);
    for headers in [&bomb, &cookies, &many(100)] {
        let head = format!("GET /ws/ HTTP/1.1\r\nHost: a\r\n{headers}");
        is_refused(&server, &journal, 431, head.as_bytes()).await;
    }
    // A client that goes on without an end is not listened to without an end.
    let mut limits = Limits::default();
    limits.close_timeout = Duration::from_millis(100);
    let hasty = Running::start(
        &app(Witness::app_with(|_| Witness {
            journal: Journal::default(),
        }))
        .limits(limits),
    )
    .await;
    let mut stream = TcpStream::connect(hasty.address).await.expect("connected");
    let (mut read, mut write) = stream.split();
    let sending = async { while write.write_all(&[b'x'; 4096]).await.is_ok() {} };
    let reading = async {
        let mut start = [0; 13];
        within(read.read_exact(&mut start)).await.map(|_| start)
    };
    let (start, ()) = within(async { tokio::join!(reading, sending) }).await;
    assert_eq!(&start.expect("an answer"), b"HTTP/1.1 431 ");

    let fits = format!("X: {}\r\n{}", "x".repeat(60_000), many(97));
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fits}\r\n");
    assert!(
        exchange(&server, head.as_bytes())
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}

/// The test kit goes through the same gate.
#[tokio::test]
async fn a_test_in_process_is_refused_alike() {
    let app = app(Witness::app_with(|_| Witness {
        journal: Journal::default(),
    }));
    let request = HttpCommunicator::get(&app, "/ws/").header("host", "a b");
    let response = request.response().await.expect("a response");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(&response.body()[..], b"the header `Host` is no host\n");
}
