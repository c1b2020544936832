//! Who is compared: how each is installed, started and asked for its version.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// One that does the work of the scenarios.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its name in tables and on the command line.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    program: Program,
}

#[derive(Clone, Copy, Debug)]
enum Program {
    /// A binary of this package, with arguments.
    Rust(&'static str, &'static [&'static str], Version),
    Bun,
    Node,
    Uvicorn,
    Daphne,
}

/// Where a Rust peer's version is from.
#[derive(Clone, Copy, Debug)]
enum Version {
    Own,
    Locked(&'static str),
}

/// The peer that the others are compared with.
pub const OURS: &str = "channels";
/// The peer without a framework.
pub const FLOOR: &str = "floor";

/// All of them.
pub const ALL: [Peer; 9] = [
    Peer {
        name: FLOOR,
        what: "epoll, one read and one write per message, no framework",
        program: Program::Rust("floor", &[], Version::Locked("mio")),
    },
    Peer {
        name: OURS,
        what: "this framework, default settings",
        program: Program::Rust("server", &[], Version::Own),
    },
    Peer {
        name: "tungstenite",
        what: "tokio-tungstenite, default buffers (128 KiB)",
        program: Program::Rust("tungstenite", &[], Version::Locked("tokio-tungstenite")),
    },
    Peer {
        name: "tungstenite-1k",
        what: "tokio-tungstenite, read buffer of 1 KiB",
        program: Program::Rust(
            "tungstenite",
            &["--buffer", "1024"],
            Version::Locked("tokio-tungstenite"),
        ),
    },
    Peer {
        name: "axum",
        what: "axum and tokio::sync::broadcast",
        program: Program::Rust("axum", &[], Version::Locked("axum")),
    },
    Peer {
        name: "bun",
        what: "Bun's server (uWebSockets)",
        program: Program::Bun,
    },
    Peer {
        name: "ws",
        what: "ws on Node",
        program: Program::Node,
    },
    Peer {
        name: "uvicorn",
        what: "Django Channels on uvicorn",
        program: Program::Uvicorn,
    },
    Peer {
        name: "daphne",
        what: "Django Channels on Daphne",
        program: Program::Daphne,
    },
];

/// A running server; it is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// Whether ten thousand sockets take it minutes, so that one round of those must do.
    pub fn is_slow(&self) -> bool {
        matches!(self.program, Program::Uvicorn | Program::Daphne)
    }

    /// Installs what the peer needs and returns its version.
    ///
    /// # Errors
    ///
    /// Why it cannot be had: it is then named as missing.
    pub fn install(&self) -> Result<String> {
        match self.program {
            Program::Rust(name, _, version) => {
                ensure!(binary(name).exists(), "`{name}` is not built");
                match version {
                    Version::Own => Ok(env!("CARGO_PKG_VERSION").into()),
                    Version::Locked(package) => Ok(format!("{package} {}", locked(package)?)),
                }
            }
            Program::Bun => {
                npm()?;
                Ok(output(
                    Command::new(installed("node_modules/.bin/bun")).arg("--version"),
                )?)
            }
            Program::Node => {
                npm()?;
                let node = output(Command::new("node").arg("--version"))?;
                let package = std::fs::read(installed("node_modules/ws/package.json"))?;
                let package: serde_json::Value = serde_json::from_slice(&package)?;
                let version = package["version"].as_str().unwrap_or("?");
                Ok(format!("{version}, Node {}", node.trim_start_matches('v')))
            }
            Program::Uvicorn => Ok(format!("{}, {}", pip("uvicorn")?, pip("channels")?)),
            Program::Daphne => Ok(format!("{}, {}", pip("daphne")?, pip("channels")?)),
        }
    }

    /// Starts the peer on one core and waits until it answers; with a channel layer as its program
    /// takes it: `--layer`, or the environment's `CHANNEL_LAYER`.
    ///
    /// # Errors
    ///
    /// That it does not start.
    pub fn start(&self, core: usize, layer: Option<&str>, log: &Path) -> Result<Running> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let log = std::fs::File::create(log)?;
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &core.to_string()]);
        self.arguments(&mut command, port);
        match (self.program, layer) {
            (Program::Rust(..), Some(layer)) => command.args(["--layer", layer]),
            (_, Some(layer)) => command.env("CHANNEL_LAYER", layer),
            (_, None) => &mut command,
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`taskset` (util-linux) does not run")?;
        let mut running = Running { child, address };
        let end = Instant::now() + Duration::from_secs(20);
        while !answers(address) {
            if let Some(status) = running.child.try_wait()? {
                bail!("`{}` ended at once: {status}", self.name);
            }
            ensure!(Instant::now() < end, "`{}` does not answer", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    fn arguments(&self, command: &mut Command, port: u16) {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let port = port.to_string();
        match self.program {
            Program::Rust(name, arguments, _) => {
                command
                    .arg(binary(name))
                    .arg(format!("--addr=127.0.0.1:{port}"));
                command.args(arguments);
            }
            Program::Bun => {
                command.arg(installed("node_modules/.bin/bun"));
                command.arg(sources.join("bun_peer.js")).arg(port);
            }
            Program::Node => {
                command.env("NODE_PATH", installed("node_modules"));
                command
                    .arg("node")
                    .arg(sources.join("node_peer.cjs"))
                    .arg(port);
            }
            Program::Uvicorn => {
                command
                    .arg(installed("venv/bin/uvicorn"))
                    .arg("--app-dir")
                    .arg(sources);
                command.args(["--log-level", "warning", "--port", &port, APPLICATION]);
            }
            Program::Daphne => {
                command.env("PYTHONPATH", sources);
                command.arg(installed("venv/bin/daphne"));
                command.args(["-v", "0", "-b", "127.0.0.1", "-p", &port, APPLICATION]);
            }
        }
    }
}

/// Beside the running binary.
fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(name)
}

const APPLICATION: &str = "django_peer:application";

/// Whether an HTTP server answers there at all: a port that is only open may still be starting.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let request = crate::ws::request(address, "/echo/");
    let mut answer = [0; 12];
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .is_ok()
        && stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 101")
}

fn installed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".peers")
        .join(path)
}

fn npm() -> Result<()> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/package.json");
    let wanted = std::fs::read(&sources)?;
    let target = installed("package.json");
    if std::fs::read(&target).is_ok_and(|had| had == wanted) && installed("node_modules").exists() {
        return Ok(());
    }
    std::fs::create_dir_all(installed(""))?;
    std::fs::write(&target, wanted)?;
    output(
        Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ])
            .arg(installed("")),
    )?;
    // The one script that is wanted: it puts Bun's own program in the place of a stub.
    output(Command::new("node").arg(installed("node_modules/bun/install.js")))?;
    Ok(())
}

/// Makes the virtual environment if need be; the version of one of its packages.
fn pip(package: &str) -> Result<String> {
    let python = installed("venv/bin/python");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/requirements.txt");
    let stamp = installed("venv/requirements.txt");
    let wanted = std::fs::read(&requirements)?;
    if std::fs::read(&stamp).ok() != Some(wanted.clone()) {
        output(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(installed("venv")),
        )?;
        output(
            Command::new(&python)
                .args(["-m", "pip", "install", "-q", "-r"])
                .arg(requirements),
        )?;
        std::fs::write(stamp, wanted)?;
    }
    let script = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))";
    let version = output(Command::new(python).args(["-c", script, package]))?;
    Ok(format!("{package} {version}"))
}

fn locked(package: &str) -> Result<String> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = std::fs::read_to_string(lock)?;
    let name = format!("name = \"{package}\"\nversion = \"");
    // Where there are two, ours is the newer one: the workspace keeps its own current.
    let (_, rest) = lock.rsplit_once(&name).context("not in Cargo.lock")?;
    Ok(rest.split('"').next().unwrap_or("?").into())
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("`{program}` does not run"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{program}` failed: {}",
            text.lines().last().unwrap_or("without a word")
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}
