//! The example programs `lobby` and `chat`, run as users run them.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::Command;

use crate::example::example;
use crate::process::Processes;

/// A running example program.
pub(crate) struct Chat {
    name: &'static str,
    processes: Processes,
    address: SocketAddr,
}

impl Chat {
    /// Starts the chat rooms on a free port.
    pub(crate) async fn start() -> Self {
        Self::at("chat", "127.0.0.1:0").await
    }

    /// Starts the lobby on a free port.
    pub(crate) async fn start_lobby() -> Self {
        Self::at("lobby", "127.0.0.1:0").await
    }

    /// The URL of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the program as an operator does, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.processes.signal("TERM");
        let status = self.processes.ended().await;
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    /// Kills the program.
    pub(crate) async fn kill(&mut self) {
        self.processes.signal("KILL");
        self.processes.ended().await;
    }

    /// Starts the program again on its address.
    pub(crate) async fn start_again(&mut self) {
        *self = Self::at(self.name, &self.address.to_string()).await;
    }

    async fn at(name: &'static str, address: &str) -> Self {
        let mut command = Command::new(example(name).await);
        match name {
            "lobby" => command.arg(address),
            _ => command.args(["--addr", address]),
        };
        let mut processes = Processes::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        let address = processes.stderr().find("http://", "/").await;
        let address = address.parse().expect("the program prints its address");
        Self {
            name,
            processes,
            address,
        }
    }
}
