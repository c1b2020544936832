//! What the Rust servers of the benchmark have in common: their command line and their runtime.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};

use crate::sys;

/// `--addr 127.0.0.1:PORT [--threads N]`, and what a server has of its own.
#[derive(Debug)]
pub struct Arguments {
    /// Where to listen.
    pub address: SocketAddr,
    /// One for a runtime without workers.
    pub threads: usize,
    /// The read buffer of tungstenite, if another than its default.
    pub buffer: Option<usize>,
    /// The URL of the channel layer, if another than that of one process.
    pub layer: Option<String>,
}

impl Arguments {
    /// Reads the command line, and raises the limit of open files.
    ///
    /// # Errors
    ///
    /// What is wrong with the command line.
    pub fn parse() -> Result<Self> {
        sys::raise_open_files()?;
        let mut arguments = pico_args::Arguments::from_env();
        let parsed = Self {
            address: arguments.value_from_str("--addr")?,
            threads: arguments.opt_value_from_str("--threads")?.unwrap_or(1),
            buffer: arguments.opt_value_from_str("--buffer")?,
            layer: arguments.opt_value_from_str("--layer")?,
        };
        let rest = arguments.finish();
        anyhow::ensure!(rest.is_empty(), "no such argument: {rest:?}");
        Ok(parsed)
    }

    /// A runtime of that many threads.
    ///
    /// # Errors
    ///
    /// That it cannot be made.
    pub fn runtime(&self) -> Result<Runtime> {
        let mut builder = match self.threads {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.worker_threads(self.threads.max(1)).enable_all();
        builder.build().context("cannot start the runtime")
    }
}
