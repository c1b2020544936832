//! What a second thread adds to a server, on a machine of two cores.
//!
//! ```text
//! cargo run --release -p channels-bench --bin cores [-- --rounds N]
//! ```
//!
//! The generators need a core as well, so two threads of a server never have two cores to themselves
//! here. What can be measured is the server's CPU time for each message: with one thread on core 0 and a
//! generator on core 1, and with two threads on both cores and a generator on each. Two cores that did
//! nothing else would do twice as much as one, less what a message costs more.
//!
//! Part of that is the generators' doing, who take turns with the server on its cores, and part is that
//! several messages leave with one write only where they meet. So there is a third measurement: two
//! servers of one thread each, who share nothing. What two threads cost more than those is the server's.

#![expect(clippy::print_stdout, reason = "its result")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use channels_bench::report::Spread;
use channels_bench::sys;
use channels_bench::ws::{self, TEXT};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const WARM: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(3);

/// What clients do.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    path: &'static str,
    /// How many clients each core has.
    clients: usize,
    /// How many of them send, on one core and on two together.
    senders: [usize; 2],
    /// Whether all get what one sends.
    is_group: bool,
}

const LOADS: [Load; 5] = [
    Load {
        name: "echo, 128 connections for each core",
        path: "/echo/",
        clients: 128,
        senders: [128, 256],
        is_group: false,
    },
    Load {
        name: "group of 500 for each core, relayed, 4 in flight for each",
        path: "/relay/",
        clients: 500,
        senders: [4, 8],
        is_group: true,
    },
    Load {
        name: "the same, 4 in flight in all",
        path: "/relay/",
        clients: 500,
        senders: [4, 4],
        is_group: true,
    },
    Load {
        name: "group of 500 for each core, a handler each, 4 in flight for each",
        path: "/chat/",
        clients: 500,
        senders: [4, 8],
        is_group: true,
    },
    Load {
        name: "group of 500 for each core, a handler each, 16 in flight for each",
        path: "/chat/",
        clients: 500,
        senders: [16, 32],
        is_group: true,
    },
];

/// What serves.
#[derive(Clone, Copy)]
enum Setup {
    OneThread,
    TwoThreads,
    /// Of one thread each; the clients of one do not meet those of the other.
    TwoServers,
}

const SETUPS: [Setup; 3] = [Setup::OneThread, Setup::TwoThreads, Setup::TwoServers];

fn main() -> Result<()> {
    sys::raise_open_files()?;
    let mut arguments = pico_args::Arguments::from_env();
    let rounds: usize = arguments.opt_value_from_str("--rounds")?.unwrap_or(3);
    let rest = arguments.finish();
    ensure!(rest.is_empty(), "no such argument: {rest:?}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "-p", "channels-bench"]);
    cargo.args(["--bin", "server"]);
    let package = env!("CARGO_MANIFEST_DIR");
    ensure!(cargo.current_dir(package).status()?.success(), "no server");
    let mut measured = LOADS.map(|_| SETUPS.map(|_| vec![]));
    for _ in 0..rounds {
        for (load, of_load) in LOADS.into_iter().zip(&mut measured) {
            for (setup, of_setup) in SETUPS.into_iter().zip(of_load) {
                of_setup.push(measure(load, setup)?);
            }
        }
    }
    println!(
        "CPU µs of the server for each message, medians of {rounds} rounds; and how many times as much"
    );
    println!("as one core two do at that cost.");
    println!("| | one thread | two threads | two servers | two threads do | two servers do |");
    println!("|---|---|---|---|---|---|");
    for (load, costs) in LOADS.iter().zip(measured) {
        let [one, threads, servers] = costs.map(Spread::of);
        let (one, threads) = (one.context("no round")?, threads.context("no round")?);
        let servers = servers.context("no round")?;
        let times = |two: &Spread| 2.0 * one.median / two.median;
        println!(
            "| {} | {one} | {threads} | {servers} | {:.2} × | {:.2} × |",
            load.name,
            times(&threads),
            times(&servers)
        );
    }
    Ok(())
}

/// The servers' CPU time for each message, in microseconds.
fn measure(load: Load, setup: Setup) -> Result<f64> {
    let servers = match setup {
        Setup::OneThread => vec![Server::start(1, "0")?],
        Setup::TwoThreads => vec![Server::start(2, "0,1")?],
        Setup::TwoServers => vec![Server::start(1, "0")?, Server::start(1, "1")?],
    };
    let (cores, senders) = match (setup, load.senders) {
        (Setup::OneThread, [senders, _]) => (1, senders),
        (Setup::TwoThreads | Setup::TwoServers, [_, senders]) => (2, senders),
    };
    let received = Arc::new(AtomicU64::new(0));
    let ready = Arc::new(Barrier::new(cores + 1));
    for number in 0..cores {
        let generator = Generator {
            load,
            senders: senders / cores,
            answers: if load.is_group {
                senders / servers.len()
            } else {
                1
            },
            received: Arc::clone(&received),
        };
        let address = servers[number % servers.len()].address;
        let ready = Arc::clone(&ready);
        // The other core than the server's, where that has one; it ends with the program, or fails loudly.
        let core = 1 - number;
        std::thread::spawn(move || {
            sys::pin(core).expect("there are two cores");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(generator.run(address, &ready));
        });
    }
    ready.wait();
    let cpu_ns = || servers.iter().map(|it| sys::cpu_ns(it.process.id())).sum();
    std::thread::sleep(WARM);
    let (before, cpu): (_, Result<u64>) = (received.load(Ordering::Relaxed), cpu_ns());
    std::thread::sleep(MEASURE);
    let messages = received.load(Ordering::Relaxed) - before;
    let cpu = cpu_ns()? - cpu?;
    ensure!(messages > 0, "nothing came");
    Ok(cpu as f64 / 1000.0 / messages as f64)
}

/// Ours, in a process of its own.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(threads: usize, cores: &str) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new("taskset")
            .args(["--cpu-list", cores])
            .arg(std::env::current_exe()?.with_file_name("server"))
            .arg(format!("--addr={address}"))
            .arg(format!("--threads={threads}"))
            .spawn()
            .context("`taskset` (util-linux) does not run")?;
        let server = Self { process, address };
        let end = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(address).is_err() {
            ensure!(Instant::now() < end, "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The clients of one core.
struct Generator {
    load: Load,
    /// How many of its clients send.
    senders: usize,
    /// A sender sends again when it has got so many messages.
    answers: usize,
    received: Arc<AtomicU64>,
}

impl Generator {
    /// Opens its clients, and runs until the server is gone.
    async fn run(self, server: SocketAddr, ready: &Barrier) {
        let mut clients = Vec::new();
        for _ in 0..self.load.clients {
            let client = Client::open(self.load, server).await;
            clients.push(client.expect("the server accepts"));
        }
        ready.wait();
        let mut running = JoinSet::new();
        for (number, client) in clients.into_iter().enumerate() {
            let answers = (number < self.senders).then_some(self.answers);
            running.spawn(client.run(answers, Arc::clone(&self.received)));
        }
        // They end when the server is stopped.
        while running.join_next().await.is_some() {}
    }
}

struct Client {
    stream: TcpStream,
    frame: Vec<u8>,
}

impl Client {
    async fn open(load: Load, server: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let request = ws::request(server, load.path);
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        ensure!(
            head.starts_with(b"HTTP/1.1 101"),
            "the handshake was refused"
        );
        let message = format!(r#"{{"message":"{:x<50}"}}"#, "");
        let frame = ws::client_frame(TEXT, message.as_bytes());
        Ok(Self { stream, frame })
    }

    /// Counts what comes; a sender sends again when it has got so many.
    async fn run(mut self, answers: Option<usize>, received: Arc<AtomicU64>) -> Result<()> {
        // What comes is the same message, without a mask.
        let length = self.frame.len() - 4;
        let mut buffer = vec![0; 16 * 1024];
        let (mut bytes, mut unanswered) = (0, 0);
        if answers.is_some() {
            self.stream.write_all(&self.frame).await?;
        }
        loop {
            let read = self.stream.read(&mut buffer).await?;
            if read == 0 {
                bail!("the server has closed");
            }
            let is_right = bytes > 0 || read == 1 || usize::from(buffer[1]) == length - 2;
            assert!(is_right, "another message than was sent");
            bytes += read;
            let messages = bytes / length;
            bytes %= length;
            received.fetch_add(messages as u64, Ordering::Relaxed);
            let Some(answers) = answers else { continue };
            unanswered += messages;
            while unanswered >= answers {
                unanswered -= answers;
                self.stream.write_all(&self.frame).await?;
            }
        }
    }
}
