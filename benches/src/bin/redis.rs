//! Servers that meet in Redis: ours and Django Channels', with both layers, in one run. It writes
//! `benches/REDIS.md`.
//!
//! ```text
//! cargo run --release -p channels-bench --features redis --bin redis -- [--rounds N] [--sides NAME,…] [--output FOLDER]
//! ```

#![expect(clippy::print_stdout, reason = "tells how far it is")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use channels_bench::load::{Fan, Swarm};
use channels_bench::measure::{Metrics, Window};
use channels_bench::peers::{self, Peer, Running};
use channels_bench::redis::Redis;
use channels_bench::report::Spread;
use channels_bench::sys;

/// How the servers of a side reach each other.
#[derive(Clone, Copy)]
struct Side {
    name: &'static str,
    peer: &'static str,
    /// With `PORT` for that of Redis.
    layer: Option<&'static str>,
    servers: usize,
}

/// The layer of one process, with which ours are compared.
const MEMORY: &str = "in memory";

const SIDES: [Side; 6] = [
    Side {
        name: "floor",
        peer: "floor",
        layer: None,
        servers: 1,
    },
    Side {
        name: MEMORY,
        peer: peers::OURS,
        layer: None,
        servers: 1,
    },
    Side {
        name: "RedisPubSubChannelLayer",
        peer: peers::OURS,
        layer: Some("redis+pubsub://127.0.0.1:PORT"),
        servers: 2,
    },
    Side {
        name: "RedisChannelLayer",
        peer: peers::OURS,
        layer: Some("redis://127.0.0.1:PORT"),
        servers: 2,
    },
    Side {
        name: "channels_redis pubsub",
        peer: "uvicorn",
        layer: Some(
            r#"{"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:PORT"]}}"#,
        ),
        servers: 2,
    },
    Side {
        name: "channels_redis core",
        peer: "uvicorn",
        layer: Some(
            r#"{"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:PORT"]}}"#,
        ),
        servers: 2,
    },
];

fn main() -> Result<()> {
    let mut arguments = pico_args::Arguments::from_env();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rounds: usize = arguments.opt_value_from_str("--rounds")?.unwrap_or(3);
    let output: PathBuf = arguments
        .opt_value_from_str("--output")?
        .unwrap_or_else(|| package.into());
    let only: Option<String> = arguments.opt_value_from_str("--sides")?;
    let sides = sides(only.as_deref())?;
    let rest = arguments.finish();
    ensure!(rest.is_empty(), "no such argument: {rest:?}");

    sys::raise_open_files()?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "-p", "channels-bench"]);
    cargo.args(["--features", "redis", "--bins"]);
    ensure!(cargo.current_dir(package).status()?.success(), "no servers");
    // With Redis, whose work is small beside that of the servers.
    sys::pin(1)?;

    let mut measured: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for round in 0..rounds {
        for side in &sides {
            for (what, value) in measure(*side)? {
                println!("{round} {}: {what}: {value:.2}", side.name);
                measured.entry((side.name, what)).or_default().push(value);
            }
        }
    }
    std::fs::create_dir_all(&output)?;
    std::fs::write(output.join("REDIS.md"), report(rounds, &sides, &measured))?;
    println!("wrote REDIS.md to {}", output.display());
    Ok(())
}

/// All sides, or those with these names.
fn sides(only: Option<&str>) -> Result<Vec<Side>> {
    let Some(only) = only else {
        return Ok(SIDES.into());
    };
    let side = |name: &str| {
        let side = SIDES.into_iter().find(|side| side.name == name);
        side.with_context(|| format!("no side is named {name:?}: {:?}", SIDES.map(|it| it.name)))
    };
    only.split(',').map(side).collect()
}

const RATE: &str = "deliveries per second, 1,000 members in all";
const CPU: &str = "CPU per delivery, 1,000 members on one server, µs";
const CPU_ALONE: &str = "the same, one message in flight";
const CPU_TWO: &str = "CPU per delivery, 1,000 members on each of two servers, µs";
const REDIS_CPU: &str = "CPU of Redis per group send, µs";
const COMMANDS: &str = "commands in Redis per group send";
const P50: &str = "latency at a tenth of that rate, p50, ms";
const P99: &str = "the same, p99, ms";
const FEW_P50: &str = "as often, 10 members in all, p50, ms";
const FEW_P99: &str = "the same, p99, ms (10 members)";
const ROWS: [&str; 10] = [
    RATE, CPU, CPU_ALONE, CPU_TWO, REDIS_CPU, COMMANDS, P50, P99, FEW_P50, FEW_P99,
];

/// One round of one side: fresh servers and a fresh Redis for each load.
fn measure(side: Side) -> Result<Vec<(&'static str, f64)>> {
    let window = Window {
        warm: Duration::from_secs(1),
        measure: Duration::from_secs(3),
    };
    let fan = Fan {
        members: 1000,
        in_flight: 4,
        size: 64,
        deaf: false,
        every: None,
    };
    let most = run(side, fan, window)?;
    let one_server = Side { servers: 1, ..side };
    let one = run(one_server, fan, window)?;
    let in_flight = 1;
    let alone = run(one_server, Fan { in_flight, ..fan }, window)?;
    let members = 1000 * side.servers;
    let two = run(side, Fan { members, ..fan }, window)?;
    let sends = most["rate"] / fan.members as f64;
    let tenth = Fan {
        in_flight,
        every: Some(Duration::from_secs_f64(10.0 / sends)),
        ..fan
    };
    // A slow side sends seldom.
    let long = Window {
        measure: Duration::from_secs(10),
        ..window
    };
    let few = run(
        side,
        Fan {
            members: 10,
            ..tenth
        },
        long,
    )?;
    let tenth = run(side, tenth, long)?;
    Ok(vec![
        (RATE, most["rate"]),
        (CPU, one["cpu_us"]),
        (CPU_ALONE, alone["cpu_us"]),
        (CPU_TWO, two["cpu_us"]),
        (REDIS_CPU, most["redis_us"]),
        (COMMANDS, most["commands"]),
        (P50, tenth["p50_us"] / 1000.0),
        (P99, tenth["p99_us"] / 1000.0),
        (FEW_P50, few["p50_us"] / 1000.0),
        (FEW_P99, few["p99_us"] / 1000.0),
    ])
}

fn run(side: Side, fan: Fan, window: Window) -> Result<Metrics> {
    let mut redis = Redis::start()?;
    let peer = peers::ALL.iter().find(|peer| peer.name == side.peer);
    let peer = peer.context("a side without its peer")?;
    peer.install()?;
    let layer = side.layer;
    let layer = layer.map(|layer| layer.replace("PORT", &redis.port().to_string()));
    let servers = start(peer, side.servers, layer.as_deref())?;
    let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
    let pids: Vec<_> = servers.iter().map(Running::pid).collect();
    let mut swarm = Swarm::new(&addresses, "/chat/")?;
    fan.open(&mut swarm)?;
    let (commands, cpu) = (redis.commands()?, sys::cpu_ns(redis.pid())?);
    let mut metrics = fan.load(&mut swarm, &pids, window)?;
    let (commands, cpu) = (
        redis.commands()? - commands,
        sys::cpu_ns(redis.pid())? - cpu,
    );
    metrics.insert("commands", commands as f64 / metrics["sends"]);
    metrics.insert("redis_us", cpu as f64 / 1000.0 / metrics["sends"]);
    Ok(metrics)
}

/// One column per side.
fn report(rounds: usize, sides: &[Side], measured: &BTreeMap<(&str, &str), Vec<f64>>) -> String {
    let sides = || sides.iter();
    let line = |first: &str, cells: Vec<String>| format!("| {first} | {} |", cells.join(" | "));
    let mut lines = vec![
        line("", sides().map(|side| side.name.into()).collect()),
        line("---", sides().map(|_| "---".into()).collect()),
    ];
    for row in ROWS {
        let cell = |side: &Side| {
            let values = measured.get(&(side.name, row)).into_iter().flatten();
            Spread::of(values.copied()).map_or("–".into(), |spread| spread.to_string())
        };
        lines.push(line(row, sides().map(cell).collect()));
    }
    format!(
        "# Servers that meet in Redis\n\n\
         Two servers on one core, the generator and Redis on the other ({}); medians of {rounds} rounds, and in\n\
         brackets how far they lie apart. Four messages are in flight, where nothing else is said. Each member's handler answers. Without Redis it is one server: one of\n\
         ours with the layer in memory, and the floor, which is epoll and write(2) without any framework. Those of\n\
         channels_redis run on uvicorn. Made by\n\
         `cargo run --release -p channels-bench --features redis --bin redis`.\n\n{}\n",
        sys::cpu_model(),
        lines.join("\n")
    )
}

fn start(peer: &Peer, count: usize, layer: Option<&str>) -> Result<Vec<Running>> {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-logs");
    std::fs::create_dir_all(&log)?;
    let log = |number| log.join(format!("redis-{}-{number}.log", peer.name));
    let start = |number| peer.start(0, layer, &log(number));
    (0..count).map(start).collect()
}
