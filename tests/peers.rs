//! Peers that are slow, gone or noisy, on a real socket: others have their turn, and nothing is lost.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::prelude::*;
use support::{Journal, Running, app, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const REPORT: usize = 16 * 1024 * 1024;

/// Answers with what it got, or with a report, after which it may close.
#[consumer]
struct Answerer {
    journal: Journal,
}

#[consumer]
impl Answerer {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        self.journal.note("receive");
        match &*text {
            "hang" => std::future::pending().await,
            "report" => socket.send(vec![0; REPORT]).await,
            "report and close" => {
                socket.send(vec![0; REPORT]).await?;
                socket.close(CloseCode::NORMAL, "").await
            }
            _ => socket.send(text).await,
        }
    }

    async fn disconnect(&mut self, why: Disconnect) -> Result {
        let line = format!("disconnect {} {:?}", why.code, why.by);
        self.journal.note(line);
        Ok(())
    }
}

async fn serve(limits: Limits) -> (Running, Journal) {
    let journal = Journal::default();
    let consumer = Answerer::app_with({
        let journal = journal.clone();
        move |_| Answerer {
            journal: journal.clone(),
        }
    });
    let server = Running::start(&app(consumer).limits(limits)).await;
    (server, journal)
}

const HANDSHAKE: &str = "GET /ws/ HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Opens a WebSocket by hand, with a small buffer of its own.
async fn opened(server: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a size");
    let mut stream = socket.connect(server.address).await.expect("connected");
    let written = stream.write_all(HANDSHAKE.as_bytes()).await;
    written.expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("the 101"));
    }
    stream
}

/// A client's frame, masked with zeros, which leaves the payload as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("short");
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Reads a report in some seconds, all the time a little; and what else comes until the end.
async fn read_slowly(stream: &mut TcpStream, most: usize) -> Vec<u8> {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 64 * 1024]);
    while bytes.len() < most {
        let read = within(stream.read(&mut part)).await.expect("read");
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&part[..read]);
        // Half of a second for each 4 MB, however much came at once.
        tokio::time::sleep(Duration::from_micros(read as u64 / 8)).await;
    }
    bytes
}

/// A header of a binary message of that length.
const HEADER: usize = 10;

/// What is handled of 200 messages and what follows them, when the peer has gone at once: the first answer
/// gets a reset, and the second cannot be written.
async fn handled_of_a_peer_that_is_gone(follows: &[u8]) -> Journal {
    let (server, journal) = serve(Limits::default()).await;
    let mut stream = opened(&server).await;
    let all = [&frame(0x81, b"x").repeat(200), follows].concat();
    within(stream.write_all(&all)).await.expect("written");
    drop(stream);
    let has_ended = || journal.lines().iter().any(|line| line != "receive");
    until("it has ended", has_ended).await;
    journal
}

#[tokio::test]
async fn what_came_before_a_write_failed_is_handled() {
    let close = frame(0x88, &1000_u16.to_be_bytes());
    let journal = handled_of_a_peer_that_is_gone(&close).await;
    assert_eq!(journal.count("receive"), 200);
    assert_eq!(journal.count("disconnect 1000 Peer"), 1);
}

#[tokio::test]
async fn a_peer_that_is_gone_is_lost_at_once() {
    let journal = handled_of_a_peer_that_is_gone(b"").await;
    assert_eq!(journal.count("receive"), 200);
    assert_eq!(journal.count("disconnect 1006 Lost"), 1);
}

#[tokio::test]
async fn a_handler_that_hangs_does_not_keep_a_peer_that_is_gone() {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(100);
    limits.grace = Duration::from_millis(200);
    let (server, journal) = serve(limits).await;
    let mut stream = opened(&server).await;
    // More than wait for the handler, so that the end of the stream is not read.
    let all = [frame(0x81, b"hang"), frame(0x81, b"x").repeat(40)].concat();
    within(stream.write_all(&all)).await.expect("written");
    until("it hangs", || journal.count("receive") == 1).await;
    drop(stream);
    let has_ended = || journal.count("disconnect 1006 Lost") == 1;
    until("it has ended", has_ended).await;
}

#[tokio::test]
async fn all_that_was_sent_before_a_close_reaches_a_slow_peer() {
    let mut limits = Limits::default();
    limits.close_timeout = Duration::from_secs(1);
    let (server, _) = serve(limits).await;
    let mut stream = opened(&server).await;
    let request = frame(0x81, b"report and close");
    within(stream.write_all(&request)).await.expect("written");
    let bytes = read_slowly(&mut stream, usize::MAX).await;
    assert_eq!(bytes.len(), HEADER + REPORT + 4);
    assert_eq!(bytes[HEADER + REPORT..], [0x88, 2, 0x03, 0xe8]);
}

#[tokio::test]
async fn a_peer_that_takes_what_it_is_sent_is_not_silent() {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(300);
    limits.ping_timeout = Duration::from_millis(700);
    let (server, _) = serve(limits).await;
    let mut stream = opened(&server).await;
    let request = frame(0x81, b"report");
    within(stream.write_all(&request)).await.expect("written");
    let bytes = read_slowly(&mut stream, HEADER + REPORT).await;
    assert!(bytes.len() >= HEADER + REPORT, "only {}", bytes.len());
}

#[test]
fn a_flood_of_pings_leaves_others_their_turn() {
    const PINGS: usize = 10_000;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The client reads as soon as there is something.
        .event_interval(1)
        .build()
        .expect("a runtime");
    let turns = runtime.block_on(async {
        let (server, _) = serve(Limits::default()).await;
        let mut stream = opened(&server).await;
        let pings = frame(0x89, b"").repeat(PINGS);
        within(stream.write_all(&pings)).await.expect("written");
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let mut answers = vec![0; 2 * PINGS];
        let first = within(stream.read(&mut answers)).await.expect("read");
        let before = turns.load(Ordering::Relaxed);
        let rest = within(stream.read_exact(&mut answers[first..])).await;
        rest.expect("all pongs");
        turns.load(Ordering::Relaxed) - before
    });
    assert!(turns >= 50, "another task had {turns} turns");
}
