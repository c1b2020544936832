//! What a message and an idle socket cost, counted instead of timed: so it is the same on every
//! machine, and a change that makes them dearer fails.
//!
//! Run it as it is built for users: `cargo test --release -p channels-bench --test guard`.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people: nothing here comes near the types' limits"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use channels_bench::{site, ws};
use tokio::sync::oneshot;

/// The longest that anything takes here, valgrind's start included.
const DEADLINE: Duration = Duration::from_secs(120);

/// A blocking client.
struct Client(TcpStream);

impl Client {
    fn open(address: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time");
        stream.set_nodelay(true).expect("no delay");
        let request = ws::request(address, path);
        stream.write_all(request.as_bytes()).expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "the socket is accepted");
        Self(stream)
    }

    fn send(&mut self, payload: &[u8]) {
        let frame = ws::client_frame(ws::TEXT, payload);
        self.0.write_all(&frame).expect("sent");
    }

    /// Reads a short frame.
    fn receive(&mut self) -> Vec<u8> {
        let mut header = [0; 2];
        self.0.read_exact(&mut header).expect("a frame");
        assert!(header[1] < 126, "a short frame");
        let mut payload = vec![0; usize::from(header[1])];
        self.0.read_exact(&mut payload).expect("its payload");
        payload
    }
}

/// Runs a server on this thread and a client on another; counts what this thread asks for while
/// the client does `work`, after `prepare`.
fn count<P: Send + 'static>(
    prepare: impl FnOnce(SocketAddr) -> P + Send + 'static,
    work: impl FnOnce(&mut P) + Send + 'static,
) -> AllocationInfo {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime
        .block_on(channels::Server::bind("127.0.0.1:0"))
        .expect("a free port");
    let address = server.local_addr().expect("an address");
    runtime.spawn(server.serve(site::app()));
    let (prepared, is_prepared) = oneshot::channel();
    let (worked, has_worked) = oneshot::channel();
    let (go, wait) = mpsc::channel::<()>();
    let client = thread::spawn(move || {
        let mut state = prepare(address);
        prepared.send(()).expect("the server waits");
        wait.recv().expect("the server goes on");
        work(&mut state);
        worked.send(()).expect("the server waits");
        state
    });
    let within = |signal| async { tokio::time::timeout(DEADLINE, signal).await };
    runtime
        .block_on(within(is_prepared))
        .expect("in time")
        .expect("the client prepares");
    let counted = measure(|| {
        go.send(()).expect("the client waits");
        runtime
            .block_on(within(has_worked))
            .expect("in time")
            .expect("the client works");
    });
    drop(client.join().expect("the client does not panic"));
    counted
}

fn per(total: u64, messages: u64) -> f64 {
    total as f64 / messages as f64
}

#[test]
fn an_echo_allocates_its_payload_and_nothing_else() {
    const MESSAGES: u64 = 2000;
    let echo = |client: &mut Client, messages| {
        for _ in 0..messages {
            client.send(&[b'x'; 64]);
            assert_eq!(client.receive().len(), 64);
        }
    };
    let counted = count(
        move |address| {
            let mut client = Client::open(address, "/echo/");
            echo(&mut client, 100);
            client
        },
        move |client| echo(client, MESSAGES),
    );
    let each = per(counted.count_total, MESSAGES);
    assert!(each <= 1.01, "{each} allocations an echo");
}

/// Allocations for each member that a group's message reaches.
fn allocations_per_delivery(path: &'static str) -> f64 {
    const MEMBERS: u64 = 50;
    const MESSAGES: u64 = 100;
    let talk = |members: &mut Vec<Client>, messages| {
        for _ in 0..messages {
            members[0].send(b"{\"message\":\"hello\"}");
            for member in &mut *members {
                assert_eq!(member.receive(), b"{\"message\":\"hello\"}");
            }
        }
    };
    let counted = count(
        move |address| {
            let open = |_| Client::open(address, path);
            let mut members = (0..MEMBERS).map(open).collect();
            talk(&mut members, 20);
            members
        },
        move |members| talk(members, MESSAGES),
    );
    per(counted.count_total, MEMBERS * MESSAGES)
}

/// What is left is the message's own, shared by its members.
#[test]
fn a_delivery_allocates_nothing() {
    let relayed = allocations_per_delivery("/relay/");
    assert!(relayed <= 0.3, "{relayed} allocations a relayed delivery");
    let handled = allocations_per_delivery("/chat/");
    assert!(handled <= 0.3, "{handled} allocations a handled delivery");
}

#[test]
fn an_idle_socket_in_a_group_has_its_two_kilobytes() {
    const SOCKETS: u64 = 2000;
    let open = |address, sockets| {
        let open = |_| Client::open(address, "/idle/");
        (0..sockets).map(open).collect::<Vec<_>>()
    };
    let counted = count(
        move |address| (address, open(address, 100)),
        move |(address, members)| members.extend(open(*address, SOCKETS)),
    );
    let each = counted.bytes_current as f64 / SOCKETS as f64;
    assert!(each <= 2100.0, "{each} bytes an idle socket");
}

/// A server under valgrind, ended with the test.
struct Counting {
    child: Child,
    file: PathBuf,
}

impl Counting {
    fn start(address: SocketAddr, file: &Path) -> Self {
        let child = Command::new("valgrind")
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(env!("CARGO_BIN_EXE_server"))
            .args(["--addr", &address.to_string()])
            .stderr(Stdio::null())
            .spawn()
            .expect("valgrind, of the package of that name");
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < DEADLINE, "the server does not start");
            thread::sleep(Duration::from_millis(50));
        }
        let file = file.to_owned();
        Self { child, file }
    }

    /// How many instructions it took.
    fn finish(mut self) -> u64 {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status();
        assert!(told.expect("kill").success());
        self.child.wait().expect("the server ends");
        let report = fs::read_to_string(&self.file).expect("callgrind's report");
        let total = report
            .lines()
            .find_map(|line| line.strip_prefix("summary: "));
        total.expect("a total").trim().parse().expect("a number")
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // Ended already, unless the test has failed.
        let _ = self.child.kill();
    }
}

/// How many instructions a server takes while a client works with it.
fn instructions(name: &str, work: impl FnOnce(SocketAddr)) -> u64 {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let server = Counting::start(port, &folder.join(format!("callgrind.{name}")));
    work(port);
    server.finish()
}

/// How many more each of many takes: what a server takes for itself is not counted.
fn instructions_each(name: &str, work: fn(SocketAddr, u32)) -> u64 {
    let (few, many) = (500, 2500);
    let [few_take, many_take] =
        [few, many].map(|count| instructions(&format!("{name}.{count}"), |at| work(at, count)));
    (many_take - few_take) / u64::from(many - few)
}

/// With a margin of 10 % over what it takes today: 5,300, of which tokio's own wake-up for each
/// message of a lone client are about 1,500, and the accounts of memory and the isolation of `Drop` code
/// about 700.
#[test]
#[cfg_attr(debug_assertions, ignore = "only what is built for users is counted")]
fn an_echo_takes_its_instructions() {
    let each = instructions_each("echo", |address, messages| {
        let mut client = Client::open(address, "/echo/");
        for _ in 0..messages {
            client.send(&[b'x'; 64]);
            client.receive();
        }
    });
    assert!(each <= 5_830, "{each} instructions an echo");
}

/// With a margin of 10 % over what it takes today, 59,500, from the connection to its end without a
/// close frame.
#[test]
#[cfg_attr(debug_assertions, ignore = "only what is built for users is counted")]
fn a_handshake_takes_its_instructions() {
    let each = instructions_each("handshake", |address, handshakes| {
        for _ in 0..handshakes {
            drop(Client::open(address, "/idle/"));
        }
    });
    assert!(each <= 65_500, "{each} instructions a handshake");
}
