//! Frames that carry nothing, and frames that the server answers.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use channels::prelude::*;

use super::client::{Client, Server, frame, until};

/// On an idle machine an echo takes less than 5 ms next to these attackers. Where all that is read at
/// once is decoded at once, it takes many seconds in a build for tests.
const LATENCY: Duration = Duration::from_secs(1);

/// The median echo of a socket while two others send something once, and then the same bytes again and
/// again.
fn echo_next_to(first: &[u8], bytes: &[u8], limits: Limits) -> Duration {
    let server = Server::start(limits);
    let stop = Arc::new(AtomicBool::new(false));
    let attack =
        |_| {
            let mut client = Client::open(server.address);
            client.send(first);
            let (stop, bytes) = (Arc::clone(&stop), bytes.to_vec());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && client.0.write_all(&bytes).is_ok() {}
            })
        };
    let attackers: Vec<_> = (0..2).map(attack).collect();
    let mut client = Client::open(server.address);
    thread::sleep(Duration::from_millis(200));
    let median = client.median_echo();
    stop.store(true, Ordering::Relaxed);
    drop(server);
    for attacker in attackers {
        attacker.join().expect("no panic");
    }
    median
}

#[test]
fn empty_fragments_leave_others_their_turn() {
    let mut limits = Limits::default();
    limits.message_frames = Some(usize::MAX);
    // The message never ends.
    let (first, fragments) = (frame(0x01, b""), frame(0x00, b"").repeat(40_000));
    let median = echo_next_to(&first, &fragments, limits);
    assert!(median < LATENCY, "an echo took {median:?}");
}

#[test]
fn pongs_and_empty_messages_leave_others_their_turn() {
    for first in [0x8a, 0x82] {
        let bytes = frame(first, b"").repeat(40_000);
        let median = echo_next_to(b"", &bytes, Limits::default());
        assert!(median < LATENCY, "{first:#x}: an echo took {median:?}");
    }
}

#[test]
fn the_fragments_of_a_message_are_bounded() {
    let server = Server::start(Limits::default());
    let mut client = Client::open(server.address);
    client.send(&frame(0x01, b""));
    client.send(&frame(0x00, b"").repeat(16 * 1024));
    let (code, reason) = client.closed();
    assert_eq!((code, &*reason), (1009, "too many frames in one message"));
}

#[test]
fn a_long_message_of_short_fragments_is_received() {
    let mut limits = Limits::default();
    limits.message_bytes = 4 * 1024 * 1024;
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    let part = frame(0x00, &[b'x'; 64]);
    let mut bytes = frame(0x02, &[b'x'; 64]);
    bytes.extend(part.repeat(64 * 1024 - 2));
    bytes.extend(frame(0x80, &[b'x'; 64]));
    client.send(&bytes);
    let (first, payload) = client.receive().expect("the echo");
    assert_eq!((first, payload.len()), (0x82, 4 * 1024 * 1024));
}

#[test]
fn the_longest_message_may_come_in_one_frame() {
    let mut limits = Limits::default();
    limits.message_bytes = 8 * 1024 * 1024;
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    let mut reader = Client(client.0.try_clone().expect("a clone"));
    let sent = thread::spawn(move || client.send(&frame(0x82, &vec![7; 8 * 1024 * 1024])));
    let (first, payload) = reader.receive().expect("the echo");
    assert_eq!((first, payload.len()), (0x82, 8 * 1024 * 1024));
    sent.join().expect("no panic");
}

#[test]
fn only_the_latest_unanswered_ping_is_answered() {
    const REPORT: usize = 8 * 1024 * 1024;
    let mut limits = Limits::default();
    limits.outbound_bytes = 2 * REPORT;
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    client.send(&frame(0x81, format!("report {REPORT}").as_bytes()));
    // Between the pings there are messages that are answered: their answers are kept.
    for number in 0..1000_u32 {
        client.send(&frame(0x89, &number.to_be_bytes()));
        if number.is_multiple_of(100) {
            client.send(&frame(0x82, &number.to_be_bytes()));
        }
    }
    client.send(&frame(0x81, b"note"));
    until("all is read", || server.journal.count("note") == 1);
    let (mut pongs, mut echoes) = (Vec::new(), 0);
    while echoes < 10 || pongs.last() != Some(&999_u32.to_be_bytes().to_vec()) {
        let (first, payload) = client.receive().expect("a frame");
        match first {
            0x8a => pongs.push(payload),
            0x82 if payload.len() == REPORT => {}
            0x82 => echoes += 1,
            other => panic!("unexpected frame {other:#x}"),
        }
    }
    assert_eq!(pongs.len(), 1);
}
