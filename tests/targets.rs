//! Which host and path a request is for: the target and `Host` must agree.

mod support;

use channels::prelude::*;
use support::{Journal, Running, app, within};
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

#[consumer]
struct Witness {
    journal: Journal,
}

#[consumer]
impl Witness {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        self.journal.note(socket.scope().path());
        Ok(())
    }
}

/// A server whose pages and sockets note what reaches them.
async fn witness() -> (Running, Journal) {
    let journal = Journal::default();
    let (pages, sockets) = (journal.clone(), journal.clone());
    let page = move |request: axum::extract::Request| {
        pages.note(request.uri().path());
        async { "a page" }
    };
    let consumer = Witness::app_with(move |_| Witness {
        journal: sockets.clone(),
    });
    let app = app(consumer).http(axum::Router::new().fallback(page));
    (Running::start(&app).await, journal)
}

/// RFC 9110 §4.2.3: a port that is omitted is the default one.
#[tokio::test]
async fn the_default_port_is_not_another_host() {
    let (server, journal) = witness().await;
    for (target, host) in [
        ("http://a:80/ws/", "a"),
        ("http://a/ws/", "a:80"),
        ("http://A:80/ws/", "a"),
        ("https://a:443/ws/", "a"),
        ("https://a/ws/", "a:443"),
        ("http://127.0.0.1:80/ws/", "127.0.0.1"),
        ("http://[::1]:80/ws/", "[::1]"),
        ("http://[0:0::1]/ws/", "[::1]:80"),
        ("http://a:8000/ws/", "a:8000"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
        let page = format!("{head}Connection: close\r\n\r\n");
        let answer = text(&exchange(&server, page.as_bytes()).await);
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{target} {host}: {answer}"
        );
        let socket = [format!("{head}{UPGRADE}\r\n").as_bytes(), CLOSE].concat();
        let answer = text(&exchange(&server, &socket).await);
        assert!(
            answer.starts_with("HTTP/1.1 101 "),
            "{target} {host}: {answer}"
        );
    }
    assert_eq!(journal.lines().len(), 18);
    // The authority-form names a host and no path.
    for target in ["a:80", "a", "*"] {
        for method in ["GET", "CONNECT", "POST"] {
            let head = format!("{method} {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
            let answer = text(&exchange(&server, head.as_bytes()).await);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
        }
    }
    assert_eq!(journal.lines().len(), 18);
}
