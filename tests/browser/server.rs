//! The chat, as its users run it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::process::Processes;

/// A running `chat` example.
pub(crate) struct Chat {
    processes: Processes,
    address: SocketAddr,
}

impl Chat {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    /// The address of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it as an operator does, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.processes.signal("TERM");
        let status = self.processes.ended().await;
        assert!(status.success(), "the chat ended with {status}");
    }

    /// Ends it in the middle of everything.
    pub(crate) async fn kill(&mut self) {
        self.processes.signal("KILL");
        self.processes.ended().await;
    }

    /// Starts it again where it was.
    pub(crate) async fn start_again(&mut self) {
        *self = Self::at(&self.address.to_string()).await;
    }

    async fn at(address: &str) -> Self {
        let program = program().await;
        let mut processes = Processes::start(
            Command::new(program)
                .args(["--addr", address])
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let address = processes.stderr().find("http://", "/").await;
        let address = address.parse().expect("the chat says where it is");
        Self { processes, address }
    }
}

/// The example's program, of the code as it is now. `cargo test` does not build it: an example
/// whose own tests run is built as a test program only. So Cargo is asked here, once.
async fn program() -> &'static PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    PROGRAM
        .get_or_init(async || {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .args(["build", "--example", "chat", "--quiet"])
                .args(["--locked", "--offline", "--message-format=json"])
                .stdin(Stdio::null())
                .stderr(Stdio::inherit())
                .kill_on_drop(true);
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            let ended = tokio::time::timeout(crate::BUILD_DEADLINE, build.output())
                .await
                .expect("the deadline for building the chat")
                .expect("Cargo runs");
            assert!(ended.status.success(), "the chat does not build");
            executable(&ended.stdout)
        })
        .await
}

/// Reads off Cargo's messages where it has put the program.
fn executable(messages: &[u8]) -> PathBuf {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "chat")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("Cargo says where the chat is")
}
