//! Measures all peers in one run, in turns, and writes `benches/RESULTS.md` and `results.svg`.
//!
//! ```text
//! cargo run --release -p channels-bench --bin compare -- [--quick] [--rounds N]
//!     [--peers floor,channels,…] [--scenarios echo-64,…] [--output FOLDER]
//! ```

#![expect(clippy::print_stdout, reason = "tells how far it is")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use channels_bench::measure::Window;
use channels_bench::peers::{self, Peer};
use channels_bench::report::{Report, Rounds};
use channels_bench::scenario::{self, Effort, Scenario};
use channels_bench::sys;

/// What the command line asks for.
struct Wanted {
    quick: bool,
    rounds: usize,
    peers: Vec<Peer>,
    scenarios: Vec<Scenario>,
    output: PathBuf,
    log: PathBuf,
}

fn main() -> Result<()> {
    let wanted = Wanted::parse()?;
    let files = sys::raise_open_files()?;
    build_servers()?;
    let cores = std::thread::available_parallelism()?.get();
    let mut notes = Vec::new();
    if cores > 1 {
        sys::pin(1)?;
        notes.push("The server has core 0 for itself, the generator core 1.".into());
    } else {
        notes.push("There is one core: server and generator share it.".into());
    }
    notes.push(format!("A process may open {files} files here."));
    notes.push(load_note()?);
    notes.push("Django Channels has one round only where there are 10,000 sockets or more.".into());

    let mut installed = Vec::new();
    for peer in &wanted.peers {
        let version = peer.install().map_err(|error| format!("{error:#}"));
        match &version {
            Ok(version) => println!("{}: {version}", peer.name),
            Err(why) => println!("{}: MISSING: {why}", peer.name),
        }
        installed.push((*peer, version));
    }
    let mut report = Report {
        date: shell("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        machine: format!(
            "{cores} × {}, Linux {}",
            sys::cpu_model(),
            shell("uname", &["-r"])
        ),
        command: std::iter::once("compare".into())
            .chain(std::env::args().skip(1))
            .collect::<Vec<_>>()
            .join(" "),
        notes,
        peers: installed,
        scenarios: wanted.scenarios.clone(),
        rounds: BTreeMap::new(),
    };
    let start = Instant::now();
    for scenario in &wanted.scenarios {
        measure(&wanted, scenario, files, &mut report);
        // Written again and again, so that an interrupted run leaves what it has.
        write(&wanted.output, &report)?;
    }
    let minutes = start.elapsed().as_secs().div_ceil(60);
    report.notes.push(format!("The run took {minutes} min."));
    write(&wanted.output, &report)?;
    println!(
        "wrote RESULTS.md and results.svg to {}",
        wanted.output.display()
    );
    Ok(())
}

fn write(folder: &Path, report: &Report) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("RESULTS.md"), report.markdown())?;
    std::fs::write(folder.join("results.svg"), report.svg())?;
    Ok(())
}

/// Whoever else uses the machine spoils the figures, and the reader must know.
fn load_note() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load: f64 = load
        .split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0);
    Ok(if load > 0.5 {
        format!(
            "**The machine was busy** when the run began (load average {load}): only indicative."
        )
    } else {
        format!("Load average when the run began: {load}.")
    })
}

impl Wanted {
    fn parse() -> Result<Self> {
        let mut arguments = pico_args::Arguments::from_env();
        let quick = arguments.contains("--quick");
        let peers: Option<String> = arguments.opt_value_from_str("--peers")?;
        let scenarios: Option<String> = arguments.opt_value_from_str("--scenarios")?;
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let wanted = Self {
            quick,
            rounds: arguments
                .opt_value_from_str("--rounds")?
                .unwrap_or(if quick { 1 } else { 3 }),
            peers: chosen(&peers::ALL, peers.as_deref(), |peer| peer.name)?,
            scenarios: match scenarios {
                Some(names) => chosen(&scenario::ALL, Some(&names), |scenario| scenario.name)?,
                None => scenario::ALL
                    .into_iter()
                    .filter(|known| known.quick || !quick)
                    .collect(),
            },
            output: arguments
                .opt_value_from_str("--output")?
                .unwrap_or_else(|| package.into()),
            log: package.join("../target/bench-logs"),
        };
        let rest = arguments.finish();
        ensure!(rest.is_empty(), "no such argument: {rest:?}");
        Ok(wanted)
    }
}

fn chosen<T: Copy>(all: &[T], names: Option<&str>, name: impl Fn(&T) -> &str) -> Result<Vec<T>> {
    let Some(names) = names else {
        return Ok(all.to_vec());
    };
    let known = || all.iter().map(&name).collect::<Vec<_>>().join(", ");
    let find = |wanted: &str| {
        let found = all.iter().copied().find(|known| name(known) == wanted);
        found.with_context(|| format!("there is no `{wanted}`; there are {}", known()))
    };
    names.split(',').map(find).collect()
}

/// The servers are binaries beside this one, which cargo does not build for `--bin compare`.
fn build_servers() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", "channels-bench", "--bins"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    ensure!(cargo.status()?.success(), "the servers do not build");
    Ok(())
}

/// Round by round, and in each round peer by peer: what disturbs the machine disturbs all alike.
fn measure(wanted: &Wanted, scenario: &Scenario, files: u64, report: &mut Report) {
    let seconds = Duration::from_secs_f64;
    let effort = Effort {
        window: if wanted.quick {
            Window {
                warm: seconds(0.4),
                measure: seconds(0.8),
            }
        } else {
            Window {
                warm: seconds(1.0),
                measure: seconds(2.0),
            }
        },
        hold: seconds(1.0),
        files,
        core: 0,
    };
    for round in 0..wanted.rounds {
        for (peer, _) in report.peers.iter().filter(|(_, version)| version.is_ok()) {
            if round > 0 && peer.is_slow() && scenario.connections() >= 10_000 {
                continue;
            }
            // Pings come after 20 s, too long to wait for in each round.
            let pinged = !wanted.quick && round == 0 && scenario.name == "idle-10k";
            let hold = if pinged { seconds(24.0) } else { effort.hold };
            let log = wanted
                .log
                .join(format!("{}-{}.log", scenario.name, peer.name));
            let result = std::fs::create_dir_all(&wanted.log)
                .map_err(anyhow::Error::from)
                .and_then(|()| scenario.run(peer, Effort { hold, ..effort }, &log));
            let rounds: &mut Rounds = report.rounds.entry((scenario.name, peer.name)).or_default();
            match result {
                Ok(metrics) => {
                    let value = metrics
                        .get(scenario.figure.metric())
                        .copied()
                        .unwrap_or(0.0);
                    println!("{} {}: {value:.2}", scenario.name, peer.name);
                    rounds.measured.push(metrics);
                }
                Err(error) => {
                    println!("{} {}: FAILED: {error:#}", scenario.name, peer.name);
                    rounds.failures.push(format!("{error:#}"));
                }
            }
        }
    }
}

fn shell(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "?".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().into(),
    )
}
