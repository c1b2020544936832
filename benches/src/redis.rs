//! The Redis in which servers meet.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use redis::Connection;

/// A Redis of its own, which ends with this value.
pub struct Redis {
    process: Child,
    port: u16,
    client: Connection,
}

impl Redis {
    /// Starts it on a free port.
    ///
    /// # Errors
    ///
    /// That there is no `redis-server`.
    pub fn start() -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .context("`redis-server` does not run")?;
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
        let end = Instant::now() + Duration::from_secs(20);
        let client = loop {
            match client.get_connection() {
                Ok(client) => break client,
                Err(error) if Instant::now() > end => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        Ok(Self {
            process,
            port,
            client,
        })
    }

    /// Where it listens, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many commands it has executed, those of scripts included.
    ///
    /// # Errors
    ///
    /// That it is gone.
    pub fn commands(&mut self) -> Result<u64> {
        let stats: String = redis::cmd("INFO")
            .arg("commandstats")
            .query(&mut self.client)?;
        let calls = stats
            .lines()
            .filter(|line| !line.starts_with("cmdstat_info"));
        let calls = calls.filter_map(|line| line.split_once("calls=")?.1.split(',').next());
        calls.map(|calls| Ok(calls.parse::<u64>()?)).sum()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis at port {}", self.port)
    }
}
