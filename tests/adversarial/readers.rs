//! Clients that read slowly, or never.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use channels::GroupName;
use channels::prelude::*;

use super::client::{Client, Server, frame, until};
use super::support::within;

#[test]
fn a_client_that_reads_slowly_is_not_silent() {
    const REPORT: usize = 3 * 1024 * 1024;
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(800);
    limits.ping_timeout = Duration::from_millis(1200);
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    client.send(&frame(0x81, format!("report {REPORT}").as_bytes()));
    // 400 kB/s, and never an answer to a ping.
    let (mut left, mut part) = (10 + REPORT, vec![0; 20_000]);
    while left > 0 {
        let most = left.min(part.len());
        let read = client.0.read(&mut part[..most]).expect("read");
        assert!(read > 0, "cut with {left} bytes to go");
        left -= read;
        thread::sleep(Duration::from_millis(50));
    }
    // The kernel also delivers what was queued before a connection was lost.
    client.send(&frame(0x82, b"echo"));
    while client.receive().expect("the echo").0 != 0x82 {}
    assert!(server.journal.lines().is_empty());
}

#[test]
fn a_client_that_never_reads_is_lost() {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(400);
    limits.ping_timeout = Duration::from_millis(600);
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    client.send(&frame(0x81, b"report 16000000"));
    until("it is lost", || {
        server.journal.count("disconnect 1006 Lost") == 1
    });
    let stats = server.app.context().stats();
    until("nothing is queued", || stats.queued_bytes() == 0);
}

/// Its handler waits for it, messages wait for that handler, and its group is busy all the time.
#[test]
fn a_client_that_never_reads_is_lost_though_events_come() {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(400);
    limits.ping_timeout = Duration::from_millis(600);
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    client.send(&frame(0x81, b"slow reports"));
    for _ in 0..30 {
        client.send(&frame(0x81, b"note"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let is_lost = || server.journal.count("disconnect 1006 Lost") == 1;
        for _ in 0..300 {
            if is_lost() {
                return;
            }
            let event = Event::new("any.event", ()).expect("an event");
            let group = GroupName::new("answerers").expect("a name");
            let sent = server.layer.group_send(group, event, None);
            within(sent).await.expect("the layer is there");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is not lost after 15 s");
    });
}

/// The other process of the tests below: a server whose memory is its own.
#[test]
#[ignore = "started by the tests that measure its memory"]
#[expect(clippy::print_stdout, reason = "those tests read the address")]
fn server() {
    let server = Server::start(Limits::default());
    println!("address {}", server.address);
    let _ = std::io::stdin().read(&mut [0]);
}

struct Other {
    child: Child,
    address: std::net::SocketAddr,
}

impl Other {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(["--exact", "readers::server", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let output = child.stdout.take().expect("its output");
        let address = BufReader::new(output)
            .lines()
            .map(|line| line.expect("text"))
            .find_map(|line| Some(line.split_once("address ")?.1.parse().expect("an address")))
            .expect("it starts");
        Self { child, address }
    }

    /// Resident memory in bytes.
    fn memory(&self) -> usize {
        let path = format!("/proc/{}/statm", self.child.id());
        let statm = std::fs::read_to_string(path).expect("Linux");
        let pages: usize = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .expect("a number");
        pages * 4096
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes until the server takes nothing for half a second, or so many bytes. Never reads.
fn flood(client: &mut Client, bytes: &[u8], most: usize) {
    let timeout = Some(Duration::from_millis(500));
    client.0.set_write_timeout(timeout).expect("set");
    let mut written = 0;
    while written < most {
        match client.0.write(&bytes[written % bytes.len()..]) {
            Ok(more) if more > 0 => written += more,
            _ => return,
        }
    }
}

/// For each kind of frame that the server answers: what clients cost that never read.
#[test]
fn clients_that_never_read_have_their_bound() {
    const CLIENTS: usize = 4;
    // What is promised for each, its buffers and as much again for the allocator.
    const MEMORY: usize = CLIENTS * 2 * 1024 * 1024 + 4 * 1024 * 1024;
    let kinds = [
        ("empty pings", frame(0x89, b"")),
        ("pings", frame(0x89, &[b'x'; 125])),
        ("empty texts", frame(0x81, b"")),
        ("short texts", frame(0x81, b"text")),
        ("empty binaries", frame(0x82, b"")),
        ("binaries", frame(0x82, &[7; 1000])),
        ("closes", frame(0x88, &1000_u16.to_be_bytes())),
        (
            "pings and texts",
            [frame(0x89, b"x"), frame(0x81, b"")].concat(),
        ),
    ];
    for (kind, frame) in kinds {
        let other = Other::start();
        let mut victim = Client::open(other.address);
        victim.median_echo();
        let before = other.memory();
        let bytes = frame.repeat(300_000 / frame.len());
        let bytes = &bytes;
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::open(other.address)).collect();
        for client in &mut clients {
            // The socket has no room from then on, and the queue has.
            client.send(&super::client::frame(0x81, b"report 600000"));
        }
        // Until these are queued; then until the flood is taken, as far as it is.
        thread::sleep(Duration::from_millis(100));
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(move || flood(client, bytes, 3_000_000));
            }
        });
        thread::sleep(Duration::from_millis(500));
        let growth = other.memory().saturating_sub(before);
        let median = victim.median_echo();
        assert!(growth < MEMORY, "{kind}: {growth} bytes");
        assert!(median < Duration::from_secs(1), "{kind}: {median:?}");
    }
}

#[test]
fn what_is_queued_counts_with_its_bookkeeping() {
    let mut limits = Limits::default();
    limits.outbound_bytes = 8_000_000;
    let server = Server::start(limits);
    let mut client = Client::open(server.address);
    // More than the kernel takes of it: the socket has no room from then on.
    client.send(&frame(0x81, b"report 6000000"));
    flood(&mut client, &frame(0x81, b"").repeat(50_000), 1_000_000);
    // As many empty answers as there is memory for, of which each needs more than 100 bytes.
    let stats = server.app.context().stats();
    until("the queue is full", || stats.queued_bytes() > 8_000_000);
    thread::sleep(Duration::from_millis(200));
    let queued = stats.queued_bytes();
    assert!(queued < 8_500_000, "{queued} bytes");
    drop(client);
    until("nothing is queued", || stats.queued_bytes() == 0);
}
