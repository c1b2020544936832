//! Clients that do not read their responses are disconnected, whatever the response; those that read slowly
//! are served.

use std::time::{Duration, Instant};

use channels::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Journal, Running, until, within};

const LARGE: usize = 5 * 1024 * 1024;

/// Answers with a large body: whole, streamed in one part, or as what its query says.
#[consumer(http)]
struct Large {
    journal: Journal,
}

#[consumer]
impl Large {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        match http.scope().query_string() {
            "stream" => {
                http.send_headers(StatusCode::OK).await?;
                http.send_body(vec![0_u8; LARGE]).await?;
                http.end()
            }
            "parts" => {
                http.send_headers(StatusCode::OK).await?;
                for _ in 0..20 {
                    http.send_body(vec![0_u8; LARGE / 20]).await?;
                }
                http.end()
            }
            "refuse" => {
                let status = StatusCode::FORBIDDEN;
                http.send_response(status, vec![0_u8; LARGE]).await
            }
            _ => http.send_response(StatusCode::OK, vec![0_u8; LARGE]).await,
        }
    }

    async fn disconnect(&mut self) {
        self.journal.note("disconnect");
    }
}

/// Refuses a handshake with a large body, or accepts it with large headers.
#[consumer]
#[derive(Default)]
struct Door;

#[consumer]
impl Door {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        if socket.scope().query_string() == "accept" {
            let header = "x".repeat(64 * 1024);
            let mut accept = socket.accept();
            for _ in 0..80 {
                accept = accept.header("x-large", &header);
            }
            return accept.await;
        }
        let refusal = socket.deny(StatusCode::FORBIDDEN);
        refusal.body(vec![0_u8; LARGE]).await
    }
}

async fn server(limits: Limits) -> (Running, ProtocolTypeRouter) {
    let journal = Journal::default();
    let large = Large::app_with(move |_| Large {
        journal: journal.clone(),
    });
    let app = ProtocolTypeRouter::new()
        .limits(limits)
        .websocket(URLRouter::new().path("ws/", Door::app()))
        .http(URLRouter::new().path("large/", large));
    (Running::start(&app).await, app)
}

/// A second for what waits for a client.
fn impatient() -> Limits {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(300);
    limits.ping_timeout = Duration::from_millis(700);
    limits.handshake_timeout = Duration::from_secs(1);
    limits
}

async fn ask(server: &Running, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 * 1024).expect("a size");
    let mut stream = socket.connect(server.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    stream
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n")
}

fn handshake(query: &str, is_odd: bool) -> String {
    let odd = if is_odd {
        "X: y\r\n".repeat(40)
    } else {
        String::new()
    };
    let head = crate::UPGRADE.replace("/ws/", &format!("/ws/{query}"));
    format!("{head}{odd}\r\n")
}

/// The bytes that a client can still read once it has not read for so long that it was disconnected.
async fn rest(stream: &mut TcpStream) -> usize {
    let (mut read, mut part) = (0, vec![0; 64 * 1024]);
    while let Ok(more) = within(stream.read(&mut part)).await
        && more > 0
    {
        read += more;
    }
    read
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected() {
    let (server, app) = server(impatient()).await;
    let requests = [
        get("/large/"),
        get("/large/?stream"),
        get("/large/?parts"),
        get("/large/?refuse"),
        get("/large/").repeat(5),
        handshake("", false),
        handshake("", true),
        handshake("?accept", false),
        handshake("?accept", true),
    ];
    let mut clients = Vec::new();
    for request in requests.iter().cycle().take(40) {
        clients.push((ask(&server, request).await, request));
    }
    // Nothing is read here until all are disconnected.
    tokio::time::sleep(Duration::from_secs(3)).await;
    until("all have ended", || app.context().connections() == 0).await;
    for (mut stream, request) in clients {
        let read = rest(&mut stream).await;
        assert!(read < LARGE, "{read} bytes: {request}");
    }
    let stopped = Instant::now();
    server.stopped().await.expect("a clean stop");
    assert!(
        stopped.elapsed() < Duration::from_secs(5),
        "no connection is left"
    );
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_served() {
    let (server, _) = server(impatient()).await;
    let reading = ["/large/", "/large/?stream", "/large/?refuse"].map(async |path| {
        let mut stream = ask(&server, &get(path)).await;
        let (mut read, mut part) = (0, vec![0; 64 * 1024]);
        let begun = Instant::now();
        while read < LARGE {
            let more = within(stream.read(&mut part)).await.expect("read");
            assert!(more > 0, "disconnected after {read} bytes: {path}");
            read += more;
            // A megabyte in a second, however much came at once.
            tokio::time::sleep(Duration::from_micros(more as u64)).await;
        }
        assert!(begun.elapsed() > Duration::from_secs(4), "it was slow");
    });
    futures_util::future::join_all(reading).await;
}

#[tokio::test]
async fn a_client_that_reads_less_than_a_part_in_time_is_served() {
    let (server, _) = server(impatient()).await;
    let mut stream = ask(&server, &get("/large/?parts")).await;
    let (mut read, mut part) = (0, vec![0; 64 * 1024]);
    let begun = Instant::now();
    while read < LARGE {
        // 40 KiB in a second; what is left after three seconds at once.
        let is_slow = begun.elapsed() < Duration::from_secs(3);
        let most = if is_slow { 4096 } else { part.len() };
        let more = within(stream.read(&mut part[..most])).await.expect("read");
        assert!(more > 0, "disconnected after {read} bytes");
        read += more;
        if is_slow {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_byte_by_byte_is_disconnected() {
    let (server, app) = server(impatient()).await;
    let mut stream = ask(&server, &get("/large/")).await;
    let mut read = 0;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        let byte = within(stream.read_u8()).await;
        read += usize::from(byte.is_ok());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rest = rest(&mut stream).await;
    assert!(read + rest < LARGE, "{read} and {rest} bytes");
    assert_eq!(app.context().connections(), 0);
}
