//! Real Redis servers for tests: each is started on a free port with a folder of its own, and ends
//! with its value.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::process::{Folder, Processes, find, free_port};
use crate::within;

/// In a line of the configuration: a port that nobody uses.
pub(crate) const FREE_PORT: &str = "<free port>";

/// The longest that a server takes to start, on a machine that does a lot else.
const START: Duration = Duration::from_secs(60);

/// A Redis server.
pub(crate) struct Redis {
    program: PathBuf,
    arguments: Vec<String>,
    pub(crate) port: u16,
    password: Option<String>,
    processes: Option<Processes>,
    folder: Folder,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more lines of `redis.conf`, such as `requirepass secret`.
    pub(crate) async fn start_with(lines: &[&str]) -> Self {
        Self::start_as(&[], lines).await
    }

    /// A Sentinel that watches masters of its configuration.
    pub(crate) async fn start_sentinel(lines: &[&str]) -> Self {
        Self::start_as(&["--sentinel"], lines).await
    }

    async fn start_as(flags: &[&str], lines: &[&str]) -> Self {
        let begun = Instant::now();
        loop {
            // Somebody else may take a port between the moment when it is free and this one.
            if let Some(redis) = Self::try_start_as(flags, lines).await {
                return redis;
            }
            assert!(begun.elapsed() < START, "no Redis starts with {lines:?}");
        }
    }

    async fn try_start_as(flags: &[&str], lines: &[&str]) -> Option<Self> {
        let program = find("redis-server", "redis-server").unwrap_or_else(|what| panic!("{what}"));
        let (folder, port) = (Folder::new(), free_port());
        let lines = lines.iter();
        let lines = lines.map(|line| line.replace(FREE_PORT, &free_port().to_string()));
        let lines: Vec<_> = lines.collect();
        let file = folder.path().join("redis.conf");
        let mut text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n",
            folder.path().display()
        );
        if flags.is_empty() {
            text += "save \"\"\nappendonly no\nenable-debug-command local\n";
        }
        for line in &lines {
            writeln!(text, "{line}").expect("a string takes it");
        }
        std::fs::write(&file, text).expect("a file");
        let password = lines
            .iter()
            .find_map(|line| line.strip_prefix("requirepass "))
            .map(str::to_owned);
        let mut arguments = vec![file.display().to_string()];
        arguments.extend(flags.iter().map(|&flag| flag.to_owned()));
        let mut redis = Self {
            program,
            arguments,
            port,
            password,
            processes: None,
            folder,
        };
        redis.attempt().await.then_some(redis)
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn start_again(&mut self) {
        let begun = Instant::now();
        while !self.attempt().await {
            assert!(begun.elapsed() < START, "port {} is taken", self.port);
        }
    }

    /// Starts it, and waits until it answers; tells whether it does, or has ended.
    async fn attempt(&mut self) -> bool {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let processes = self.processes.insert(Processes::start(&mut command));
        let begun = Instant::now();
        while processes.run() {
            // Whoever else has the port is not asked.
            let said = cli(self.port, self.password.as_deref(), &["INFO", "server"]).await;
            let file = format!("config_file:{}", self.arguments[0]);
            if said.contains(&file) {
                return true;
            }
            assert!(begun.elapsed() < START, "{command:?} does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Ends it at once, in the middle of everything.
    pub(crate) async fn stop(&mut self) {
        let mut processes = self.processes.take().expect("it runs");
        processes.signal("KILL");
        processes.ended().await;
    }

    /// Sends it a signal, by name: `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        self.processes.as_ref().expect("it runs").signal(name);
    }

    /// Has its disk full: no file takes a byte, so snapshots fail, and with them what is written.
    pub(crate) async fn fill_disk(&self) {
        self.limit_files("0").await;
        self.cli(&["CONFIG", "SET", "save", "3600 1"]).await;
        self.snapshot("err").await;
    }

    pub(crate) async fn free_disk(&self) {
        self.limit_files("unlimited").await;
        self.snapshot("ok").await;
    }

    /// Has it make snapshots until one ends so.
    async fn snapshot(&self, status: &str) {
        let line = format!("rdb_last_bgsave_status:{status}\r");
        let begun = Instant::now();
        loop {
            let said = self.cli(&["BGSAVE"]).await;
            let state = self.cli(&["INFO", "persistence"]).await;
            if state.contains(&line) && state.contains("rdb_bgsave_in_progress:0") {
                return;
            }
            assert!(begun.elapsed() < START, "{said}{state}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn limit_files(&self, bytes: &str) {
        let server = self.cli(&["INFO", "server"]).await;
        let pid = server.lines().find_map(|it| it.strip_prefix("process_id:"));
        let mut limit = Command::new("prlimit");
        limit.args(["--pid", pid.expect("it has one")]);
        limit.arg(format!("--fsize={bytes}:unlimited"));
        let status = within("prlimit", limit.status()).await;
        assert!(status.expect("util-linux has it").success(), "{limit:?}");
    }

    /// What it answers to a command.
    pub(crate) async fn cli(&self, command: &[&str]) -> String {
        cli(self.port, self.password.as_deref(), command).await
    }

    /// How often a command was executed.
    pub(crate) async fn calls(&self, command: &str) -> u64 {
        let stats = self.cli(&["INFO", "commandstats"]).await;
        let line = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|it| it.strip_prefix(&line));
        calls.map_or(0, |calls| {
            let (calls, _) = calls.split_once(',').expect("several numbers");
            calls.parse().expect("a number")
        })
    }
}

async fn cli(port: u16, password: Option<&str>, command: &[&str]) -> String {
    let mut cli = Command::new("redis-cli");
    cli.args(["-p", &port.to_string()]).args(command);
    if let Some(password) = password {
        cli.env("REDISCLI_AUTH", password);
    }
    let output = within("redis-cli", cli.kill_on_drop(true).output()).await;
    let output = output.expect("redis-cli is beside redis-server");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
