//! Uploads that take long: as long as they make progress, they are not silence.

use std::io::Write;
use std::thread;
use std::time::Duration;

use channels::prelude::*;

use super::client::{Client, Server, frame, header, until};

/// A peer is lost after two seconds of silence.
fn impatient() -> Limits {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(800);
    limits.ping_timeout = Duration::from_millis(1200);
    limits
}

/// Writes pieces with pauses. Returns whether all could be written.
fn send_slowly<'a>(
    client: &mut Client,
    pieces: impl Iterator<Item = &'a [u8]>,
    pause: u64,
) -> bool {
    for piece in pieces {
        if client.0.write_all(piece).is_err() {
            return false;
        }
        thread::sleep(Duration::from_millis(pause));
    }
    true
}

#[test]
fn one_large_frame_may_take_long() {
    let server = Server::start(impatient());
    let mut client = Client::open(server.address);
    let bytes = frame(0x82, &vec![7; 120_000]);
    assert!(send_slowly(&mut client, bytes.chunks(1000), 50));
    let echo = loop {
        let (first, payload) = client.receive().expect("the echo");
        if first == 0x82 {
            break payload;
        }
    };
    assert_eq!(echo.len(), 120_000);
}

#[test]
fn many_fragments_may_take_long() {
    let server = Server::start(impatient());
    let mut client = Client::open(server.address);
    client.send(&frame(0x02, b"x"));
    let fragment = frame(0x00, &[b'x'; 50]);
    assert!(send_slowly(
        &mut client,
        std::iter::repeat_n(&*fragment, 100),
        50
    ));
    client.send(&frame(0x80, b"x"));
    let echo = loop {
        let (first, payload) = client.receive().expect("the echo");
        if first == 0x82 {
            break payload;
        }
    };
    assert_eq!(echo.len(), 5002);
}

/// Sends bytes at a rate below the minimum, until the server gives up.
fn is_cut(beginning: &[u8], pieces: &[u8], piece: usize) {
    let server = Server::start(impatient());
    let mut client = Client::open(server.address);
    client.send(beginning);
    let address = server.journal.clone();
    let mut writer = Client(client.0.try_clone().expect("a clone"));
    let pieces = pieces.to_vec();
    let writing = thread::spawn(move || {
        send_slowly(&mut writer, pieces.chunks(piece), 250);
    });
    until("it is lost", || address.count("disconnect 1006 Lost") == 1);
    drop(client);
    writing.join().expect("no panic");
}

#[test]
fn a_message_byte_by_byte_is_silence() {
    is_cut(&header(0x82, 100_000), &[7; 60], 1);
}

#[test]
fn empty_fragments_now_and_then_are_silence() {
    is_cut(&frame(0x02, b"x"), &frame(0x00, b"").repeat(60), 6);
}
