//! What `#[consumer]` costs to compile, beside the same traits written by hand.
//!
//! ```text
//! cargo run -p channels-bench --bin compile_time -- [--rounds N] [--skip-clean]
//! ```
//!
//! Two packages of 100 consumers with 20 handlers each: by macro, and as what the macro writes.
//! Their dependencies are compiled once and shared; only the packages themselves are timed, in
//! turns. Then, how many crates a default build of `channels` has, and how long it takes.

#![expect(clippy::print_stdout, reason = "that is its purpose")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

const CONSUMERS: usize = 100;
const HANDLERS: usize = 20;

fn main() -> Result<()> {
    let mut arguments = pico_args::Arguments::from_env();
    let rounds = arguments.opt_value_from_str("--rounds")?.unwrap_or(5);
    let skip_clean = arguments.contains("--skip-clean");
    let rest = arguments.finish();
    ensure!(rest.is_empty(), "no such argument: {rest:?}");

    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let folder = root.join("target/compile-time");
    let packages = [
        ("by macro", "macro", by_macro()?),
        ("by hand", "hand", by_hand()?),
    ];
    for (_, name, source) in &packages {
        write_package(&root, &folder.join(name), name, source)?;
    }
    println!("{CONSUMERS} consumers with {HANDLERS} handlers each, seconds:\n");
    println!("| | cargo check | | cargo build | |\n|---|---|---|---|---|");
    println!("| | median | all | median | all |");
    let mut times: [[Vec<f64>; 2]; 2] = Default::default();
    for round in 0..=rounds {
        for (at, (_, name, source)) in packages.iter().enumerate() {
            for (command, times) in ["check", "build"].iter().zip(&mut times[at]) {
                let seconds = time(&folder, name, source, command)?;
                // The first also compiles what both depend on.
                if round > 0 {
                    times.push(seconds);
                }
            }
        }
    }
    for ((what, ..), times) in packages.iter().zip(&mut times) {
        print!("| {what} |");
        for times in times {
            times.sort_by(f64::total_cmp);
            let all: Vec<_> = times
                .iter()
                .map(|seconds| format!("{seconds:.2}"))
                .collect();
            print!(" {:.2} | {} |", times[times.len() / 2], all.join(" "));
        }
        println!();
    }
    println!(
        "\n{} crates in a default build of `channels`",
        crates(&root)?
    );
    if !skip_clean {
        println!(
            "{:.1} s for a clean default build",
            clean_build(&root, &folder)?
        );
    }
    Ok(())
}

/// Events and fields are the same in both, so that only consumers differ.
fn events() -> Result<String> {
    let mut text = String::from("use channels::prelude::*;\n");
    for event in 0..HANDLERS {
        writeln!(
            text,
            "#[derive(Event, Serialize, Deserialize)]\n#[event(\"number.n{event}\")]\n\
             pub struct Number{event} {{ pub value: u64 }}"
        )?;
    }
    Ok(text)
}

fn method(event: usize) -> String {
    format!(
        "async fn n{event}(&mut self, socket: &mut WebSocket, event: &Number{event}) -> Result {{ \
         self.sum += event.value; socket.send_json(event).await }}"
    )
}

fn by_macro() -> Result<String> {
    let mut text = events()?;
    for consumer in 0..CONSUMERS {
        writeln!(text, "#[consumer(groups(\"f1\"))]\n#[derive(Default)]")?;
        writeln!(text, "pub struct C{consumer} {{ sum: u64 }}")?;
        writeln!(text, "#[consumer]\nimpl C{consumer} {{")?;
        for event in 0..HANDLERS {
            writeln!(text, "#[handler(\"number.n{event}\")]\n{}", method(event))?;
        }
        writeln!(text, "}}")?;
    }
    Ok(text)
}

/// The same as the macro's expansion snapshots (`channels-macros/src/tests/snapshots`).
fn by_hand() -> Result<String> {
    let mut text = events()? + "use channels::__private as rt;\n";
    for consumer in 0..CONSUMERS {
        let name = format!("C{consumer}");
        let mut methods = String::new();
        let mut entries = String::new();
        let mut calls = String::new();
        let mut proofs = String::new();
        for event in 0..HANDLERS {
            writeln!(methods, "{}", method(event))?;
            writeln!(
                entries,
                "rt::Entry::event(\"number.n{event}\", {event}, rt::Mode::Async),"
            )?;
            writeln!(
                calls,
                "{event} => rt::outcome::<Result>(Self::n{event}(self, \
                 rt::connection::<Self, WebSocket>(connection), \
                 rt::event_ref::<Number{event}>(&input)?).await),"
            )?;
            writeln!(
                proofs,
                "impl rt::Handles<<Number{event} as rt::FromEvent>::Claim<{event}>> for {name} {{}}\n\
                 const _: () = rt::assert_event_type::<Number{event}>(\"number.n{event}\");"
            )?;
        }
        writeln!(
            text,
            "#[derive(Default)]\npub struct {name} {{ sum: u64 }}\n\
             impl rt::Declaration for {name} {{\n\
             type Kind = rt::WebSocketKind;\n\
             const OPTIONS: rt::Options = rt::Options::new().groups(&[\"f1\"]);\n}}\n\
             impl {name} {{\n{methods}}}\n\
             impl rt::Handlers for {name} {{\n\
             const TABLE: &'static rt::Table = {{\n\
             const ENTRIES: &[rt::Entry] = &[{entries}];\n\
             const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);\n\
             &rt::Table::new(ENTRIES, &SLOTS)\n}};\n\
             async fn dispatch(&mut self, connection: &mut rt::ConnectionOf<Self>, handler: u16, \
             input: rt::Input) -> rt::Outcome {{\nmatch handler {{\n{calls}\
             _ => rt::unknown(handler),\n}}\n}}\n}}\n{proofs}"
        )?;
    }
    Ok(text)
}

/// A program that uses all consumers, so that they are compiled to code, too.
fn write_package(root: &Path, folder: &Path, name: &str, source: &str) -> Result<()> {
    std::fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"compile-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nchannels = {{ path = '{}' }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\n[workspace]\n",
        root.display()
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    // The same versions as everywhere else.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut main = String::from("mod consumers;\nuse channels::prelude::*;\nfn main() {\n");
    writeln!(main, "let routes = URLRouter::new()")?;
    for consumer in 0..CONSUMERS {
        writeln!(
            main,
            ".path(\"c{consumer}/\", consumers::C{consumer}::app())"
        )?;
    }
    writeln!(
        main,
        ";\nlet _app = ProtocolTypeRouter::new().websocket(routes);\n}}"
    )?;
    std::fs::write(folder.join("src/main.rs"), main)?;
    std::fs::write(folder.join("src/consumers.rs"), source)?;
    Ok(())
}

fn time(folder: &Path, name: &str, source: &str, command: &str) -> Result<f64> {
    // As after an edit; cargo compares times, the compiler contents.
    let edit = format!("{source}\n// {:?}\n", Instant::now());
    std::fs::write(folder.join(name).join("src/consumers.rs"), edit)?;
    let start = Instant::now();
    cargo(
        &folder.join(name),
        &folder.join("target"),
        &[command, "--quiet"],
    )?;
    Ok(start.elapsed().as_secs_f64())
}

fn clean_build(root: &Path, folder: &Path) -> Result<f64> {
    let target = folder.join("clean");
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    cargo(root, &target, &["fetch", "--quiet"])?;
    let start = Instant::now();
    cargo(root, &target, &["build", "--quiet", "-p", "channels"])?;
    let seconds = start.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&target)?;
    Ok(seconds)
}

fn cargo(folder: &Path, target: &Path, arguments: &[&str]) -> Result<()> {
    let mut cargo = command(folder);
    let status = cargo
        .args(arguments)
        .env("CARGO_TARGET_DIR", target)
        .status()?;
    ensure!(
        status.success(),
        "`cargo {}` failed in {}",
        arguments.join(" "),
        folder.display()
    );
    Ok(())
}

fn command(folder: &Path) -> Command {
    let mut cargo = Command::new(PathBuf::from(env!("CARGO")));
    // What this program was started with would be told to the compiler, and change what is timed.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_")) {
        if name != "CARGO_HOME" {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(folder);
    cargo
}

/// All packages of the dependency tree, the workspace's own included.
fn crates(root: &Path) -> Result<usize> {
    let tree = [
        "tree",
        "-p",
        "channels",
        "-e",
        "normal,build",
        "--prefix",
        "none",
    ];
    let output = command(root)
        .args(tree)
        .args(["--format", "{p}"])
        .output()?;
    ensure!(output.status.success(), "`cargo tree` failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<_> = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.len())
}
