//! A handshake that comes in one piece is answered without hyper, any other with it: that makes no
//! difference to anybody.

mod support;

use std::time::Duration;

use channels::prelude::*;
use channels::testing::HttpCommunicator;
use support::{Journal, Running, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Does what its path says.
#[consumer]
struct Door {
    journal: Journal,
}

#[consumer]
impl Door {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let what: String = socket.url_kwarg("what")?;
        let _note = NoteAtEnd(self.journal.clone());
        self.journal.note("connect");
        match what.as_str() {
            "plain" => Ok(()),
            "accept" => {
                let accept = socket.accept().subprotocol("v2").header("x-a", "1");
                accept.header("x-b", "2").header("X-A", "3").await
            }
            "dated" => socket.accept().header("date", "today").await,
            "deny" => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                socket.deny(status).header("x-a", "1").body("later").await
            }
            "wait" => std::future::pending().await,
            _ => Err(Error::other("no such door")),
        }
    }

    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }

    async fn disconnect(&mut self) {
        self.journal.note("disconnect");
    }
}

/// Notes each request that comes to it.
#[consumer(http)]
struct Page {
    journal: Journal,
}

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange, body: String) -> Result {
        self.journal.note(format!("{} {body}", http.method()));
        http.send_response(StatusCode::OK, "noted").await
    }
}

/// Notes that a `connect` has ended, or was dropped.
struct NoteAtEnd(Journal);

impl Drop for NoteAtEnd {
    fn drop(&mut self) {
        self.0.note("over");
    }
}

async fn doors(limits: Limits) -> (Running, Journal) {
    let journal = Journal::default();
    (Running::start(&app(limits, &journal)).await, journal)
}

fn app(limits: Limits, journal: &Journal) -> ProtocolTypeRouter {
    let door = Door::app_with({
        let journal = journal.clone();
        move |_| Door {
            journal: journal.clone(),
        }
    });
    ProtocolTypeRouter::new()
        .limits(limits)
        .websocket(URLRouter::new().path("<slug:what>/", door))
}

/// No limit ends what should end without one.
fn patient() -> Limits {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_secs(3600);
    limits.shutdown_timeout = Duration::from_secs(3600);
    limits
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v1, v2\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// An `x` and a close frame, masked with zeros: the server answers both, and ends.
const FRAMES: &[u8] = b"\x81\x81\0\0\0\0x\x88\x80\0\0\0\0";

/// A handshake. So many headers as an odd one has only hyper reads.
fn handshake(path: &str, is_odd: bool) -> String {
    let odd = "X: y\r\n".repeat(if is_odd { 40 } else { 0 });
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}{odd}\r\n")
}

async fn connected(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address).await.expect("connected");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// All that a server answers, but for the date that it adds.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("the end");
    let answer = String::from_utf8_lossy(&answer);
    let lines = answer.split_inclusive("\r\n");
    lines.filter(|line| !line.ends_with(" GMT\r\n")).collect()
}

#[tokio::test]
async fn the_answer_is_the_same_with_and_without_hyper() {
    let (server, _) = doors(Limits::default()).await;
    let refused = b"GET /plain/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (path, start, behind) in [
        ("/plain/", "101", FRAMES),
        ("/accept/", "101", FRAMES),
        ("/dated/", "101", FRAMES),
        ("/deny/", "429", refused),
        ("/fail/", "500", refused),
        ("/nowhere/at/all/", "404", refused),
        ("/%FF/", "400", refused),
    ] {
        let mut answers = Vec::new();
        for is_odd in [false, true] {
            let mut stream = connected(&server).await;
            let request = [handshake(path, is_odd).as_bytes(), behind].concat();
            stream.write_all(&request).await.expect("written");
            answers.push(answer(&mut stream).await);
        }
        let [without, with] = &answers[..] else {
            unreachable!("two ways")
        };
        assert_eq!(without, with, "{path}");
        assert!(with.starts_with(&format!("HTTP/1.1 {start} ")), "{with}");
        let end = if start == "101" { "\u{1}x" } else { "426 " };
        assert!(with.contains(end), "what came behind is read: {with}");
    }
    server.stopped().await.expect("a clean stop");
}

#[tokio::test]
async fn the_101_has_what_hyper_s_has() {
    let (server, _) = doors(Limits::default()).await;
    let mut stream = connected(&server).await;
    let request = [handshake("/accept/", false).as_bytes(), FRAMES].concat();
    stream.write_all(&request).await.expect("written");
    let mut raw = Vec::new();
    within(stream.read_to_end(&mut raw)).await.expect("the end");
    let raw = String::from_utf8_lossy(&raw);
    let (head, _) = raw.split_once("\r\n\r\n").expect("a head");
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 101 Switching Protocols");
    let at = lines.iter().position(|line| line.starts_with("date: "));
    assert!(lines.remove(at.expect("a date")).ends_with(" GMT"));
    lines.sort_unstable();
    let expected = [
        "connection: upgrade",
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "sec-websocket-protocol: v2",
        "upgrade: websocket",
        "x-a: 1",
        "x-a: 3",
        "x-b: 2",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_handshake_may_come_in_pieces() {
    let (server, _) = doors(Limits::default()).await;
    let request = [handshake("/plain/", false).as_bytes(), FRAMES].concat();
    let mut whole = connected(&server).await;
    whole.write_all(&request).await.expect("written");
    let whole = answer(&mut whole).await;
    for cut in 0..request.len() {
        let mut stream = connected(&server).await;
        let (first, second) = request.split_at(cut);
        stream.write_all(first).await.expect("written");
        // Lets the server read, in most cases.
        for _ in 0..cut % 7 {
            tokio::task::yield_now().await;
        }
        stream.write_all(second).await.expect("written");
        assert_eq!(answer(&mut stream).await, whole, "cut at {cut}");
    }
}

#[tokio::test]
async fn what_comes_behind_a_refused_handshake_is_read_once() {
    let journal = Journal::default();
    let page = Page::app_with({
        let journal = journal.clone();
        move |_| Page {
            journal: journal.clone(),
        }
    });
    let page = URLRouter::new().path("page", page);
    let server = Running::start(&app(Limits::default(), &journal).http(page)).await;
    let post = "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none";
    let last = "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for is_odd in [false, true] {
        let refused = handshake("/deny/", is_odd);
        // How much of it comes with the head.
        for cut in [0, 1, post.len() - 1, post.len()] {
            let before = journal.lines().len();
            let (behind, later) = post.split_at(cut);
            let mut stream = connected(&server).await;
            let first = format!("{refused}{behind}");
            stream.write_all(first.as_bytes()).await.expect("written");
            until("it is refused", || journal.lines().len() >= before + 2).await;
            stream.write_all(later.as_bytes()).await.expect("written");
            until("it is posted", || journal.lines().len() >= before + 3).await;
            stream.write_all(last.as_bytes()).await.expect("written");
            let answer = answer(&mut stream).await;
            let noted = &journal.lines()[before..];
            let case = format!("odd: {is_odd}, cut at {cut}: {answer}");
            assert_eq!(noted, ["connect", "over", "POST one", "GET "], "{case}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 3, "{case}");
        }
    }
    server.stopped().await.expect("a clean stop");
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_connect_with_it() {
    let mut limits = patient();
    // A client that only closes its side may wait for its answer as long.
    limits.grace = Duration::from_millis(300);
    let (server, journal) = doors(limits).await;
    for is_odd in [false, true] {
        let mut stream = connected(&server).await;
        let request = handshake("/wait/", is_odd);
        let before = journal.lines().len();
        stream.write_all(request.as_bytes()).await.expect("written");
        until("it waits", || journal.lines().len() > before).await;
        if is_odd {
            drop(stream);
        } else {
            // The end of its side is the same.
            stream.shutdown().await.expect("shut down");
            assert_eq!(answer(&mut stream).await, "");
        }
        until("it is over", || journal.lines().len() > before + 1).await;
    }
    assert_eq!(journal.lines(), ["connect", "over", "connect", "over"]);
    server.stopped().await.expect("a clean stop");
}

#[tokio::test]
async fn a_shutdown_answers_alike() {
    for is_odd in [false, true] {
        let (mut server, journal) = doors(Limits::default()).await;
        let mut stream = connected(&server).await;
        let request = handshake("/wait/", is_odd);
        stream.write_all(request.as_bytes()).await.expect("written");
        until("it waits", || journal.count("connect") == 1).await;
        server.stop();
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        drop(stream);
        server.stopped().await.expect("a clean stop");
    }
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(100);
    let (server, _) = doors(limits).await;
    let mut silent = connected(&server).await;
    assert_eq!(answer(&mut silent).await, "");
    server.stopped().await.expect("a clean stop");

    let (mut server, _) = doors(patient()).await;
    let mut silent = connected(&server).await;
    // Accepted before another that has its answer.
    let page = HttpCommunicator::at(server.address, http::Method::GET, "/");
    let page = page.response().await;
    assert_eq!(page.expect("an answer").status(), 404);
    server.stop();
    assert_eq!(answer(&mut silent).await, "");
    drop(silent);
    server.stopped().await.expect("a clean stop");
}
