//! The chat, as its users run it.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::Command;

use crate::example::example;
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
        let program = example("chat").await;
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
