//! More idle sockets than a process may have open: several servers that meet in Redis, several
//! generators, one broadcast.
//!
//! ```text
//! cargo run --release -p channels-bench --features redis --bin crowd -- [--sockets N] [--hold SECONDS]
//! ```

#![expect(clippy::print_stdout, reason = "its result")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use channels_bench::load::{Frame, Sink, Swarm};
use channels_bench::peers::{self, Running};
use channels_bench::redis::Redis;
use channels_bench::sys;
use channels_bench::ws::{self, TEXT};

/// What a process needs beside its sockets.
const OTHER_FILES: u64 = 200;

/// The longest that a step takes.
const DEADLINE: Duration = Duration::from_secs(300);

const MESSAGE: &str = r#"{"message":"is anybody there?"}"#;

fn main() -> Result<()> {
    let files = sys::raise_open_files()?;
    let mut arguments = pico_args::Arguments::from_env();
    let generate: Option<SocketAddr> = arguments.opt_value_from_str("--generate")?;
    let sockets: usize = arguments
        .opt_value_from_str("--sockets")?
        .unwrap_or(100_000);
    let hold: u64 = arguments.opt_value_from_str("--hold")?.unwrap_or(30);
    let rest = arguments.finish();
    ensure!(rest.is_empty(), "no such argument: {rest:?}");
    match generate {
        Some(server) => self::generate(server, sockets),
        None => conduct(sockets, Duration::from_secs(hold), files - OTHER_FILES),
    }
}

/// Starts as many servers and generators as it takes, and tells them what to do.
fn conduct(sockets: usize, hold: Duration, most: u64) -> Result<()> {
    let most = usize::try_from(most)?;
    let count = sockets.div_ceil(most);
    let redis = Redis::start()?;
    let layer = format!("redis+pubsub://127.0.0.1:{}", redis.port());
    let servers = start_servers(count, &layer)?;
    let (empty, kernel) = (resident(&servers)?, sys::kernel_memory()?);
    let began = Instant::now();
    let mut generators = Vec::new();
    for (at, server) in servers.iter().enumerate() {
        let share = sockets / count + usize::from(at < sockets % count);
        generators.push(Generator::start(server.address, share)?);
    }
    for generator in &mut generators {
        generator.hears("open")?;
    }
    println!(
        "{sockets} sockets at {count} servers, all open after {:.1?}",
        began.elapsed()
    );
    let each = |bytes: u64| bytes as f64 / sockets as f64;
    let user = resident(&servers)?.saturating_sub(empty);
    let kernel = sys::kernel_memory()?.saturating_sub(kernel);
    println!("memory of the servers: {:.0} bytes a socket", each(user));
    println!(
        "memory of the kernel, both ends: {:.0} bytes a socket",
        each(kernel)
    );

    std::thread::sleep(hold);
    let pongs = sum(&mut generators, "pongs")?;
    println!("pings answered in {hold:?}: {pongs}");

    let sent = Instant::now();
    generators.first_mut().context("no sockets")?.tell("send")?;
    for generator in &mut generators {
        generator.hears("heard")?;
    }
    println!("one broadcast has reached all after {:.0?}", sent.elapsed());
    let user = resident(&servers)?.saturating_sub(empty);
    println!(
        "memory of the servers after it: {:.0} bytes a socket",
        each(user)
    );
    Ok(())
}

fn start_servers(count: usize, layer: &str) -> Result<Vec<Running>> {
    let ours = peers::ALL.iter().find(|peer| peer.name == peers::OURS);
    let ours = ours.context("we are a peer")?;
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-logs");
    std::fs::create_dir_all(&logs)?;
    let start = |at: usize| ours.start(0, Some(layer), &logs.join(format!("crowd-{at}.log")));
    (0..count).map(start).collect()
}

fn resident(servers: &[Running]) -> Result<u64> {
    servers
        .iter()
        .map(|server| sys::resident(server.pid()))
        .sum()
}

/// What the generators say together.
fn sum(generators: &mut [Generator], of: &str) -> Result<u64> {
    let mut sum = 0;
    for generator in generators {
        generator.tell(of)?;
        sum += generator.number()?;
    }
    Ok(sum)
}

/// A process that holds sockets; it is asked and answers by lines.
struct Generator {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Generator {
    fn start(server: SocketAddr, sockets: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--generate", &server.to_string()])
            .args(["--sockets", &sockets.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (asks, answers) = pipes.context("both are pipes")?;
        let answers = BufReader::new(answers);
        Ok(Self {
            process,
            asks,
            answers,
        })
    }

    fn tell(&mut self, what: &str) -> Result<()> {
        Ok(writeln!(self.asks, "{what}")?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(
            self.answers.read_line(&mut line)? > 0,
            "a generator has failed"
        );
        Ok(line.trim().to_owned())
    }

    fn hears(&mut self, what: &str) -> Result<()> {
        let line = self.line()?;
        ensure!(
            line == what,
            "a generator says {line:?} instead of {what:?}"
        );
        Ok(())
    }

    fn number(&mut self) -> Result<u64> {
        let line = self.line()?;
        line.parse()
            .with_context(|| format!("{line:?} is no number"))
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How often the broadcast came.
#[derive(Default)]
struct Heard(usize);

impl Sink for Heard {
    fn message(
        &mut self,
        _connection: usize,
        opcode: u8,
        payload: &[u8],
        _now: Instant,
        _send: &mut Vec<(usize, Frame)>,
    ) -> Result<()> {
        ensure!(
            opcode == TEXT && payload == MESSAGE.as_bytes(),
            "another message than was sent"
        );
        self.0 += 1;
        Ok(())
    }
}

/// Holds sockets, and does what it is told.
fn generate(server: SocketAddr, sockets: usize) -> Result<()> {
    sys::pin(1)?;
    let mut swarm = Swarm::new(&[server], "/idle/")?;
    let mut heard = Heard::default();
    swarm.open_all(sockets, DEADLINE, &mut heard)?;
    println!("open");
    let (told, tells) = channel();
    std::thread::spawn(move || {
        std::io::stdin()
            .lines()
            .try_for_each(|line| told.send(line))
    });
    let mut has_told = false;
    let end = Instant::now() + DEADLINE;
    loop {
        ensure!(
            Instant::now() < end,
            "{} of {sockets} have heard it",
            heard.0
        );
        swarm.turn(Duration::from_millis(5), &mut heard)?;
        if heard.0 == sockets && !has_told {
            has_told = true;
            println!("heard");
        }
        let line = match tells.try_recv() {
            Ok(line) => line?,
            Err(TryRecvError::Empty) => continue,
            Err(TryRecvError::Disconnected) => return Ok(()),
        };
        match &*line {
            "pongs" => println!("{}", swarm.pongs()),
            "send" => swarm.send(0, ws::client_frame(TEXT, MESSAGE.as_bytes()).into())?,
            "count" => println!("{}", heard.0),
            other => bail!("told {other:?}"),
        }
    }
}
