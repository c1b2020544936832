//! What a window of time has cost the server, and what the messages took.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::sys;

/// Figures by name: microseconds, bytes, or numbers, as the name says.
pub type Metrics = BTreeMap<&'static str, f64>;

/// How long to warm up, and how long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Not counted: caches fill, compilers compile.
    pub warm: Duration,
    /// Counted.
    pub measure: Duration,
}

/// Counts from its start what the servers and the generator use.
#[derive(Debug)]
pub struct Meter {
    pids: Vec<u32>,
    server: u64,
    own: u64,
    since: Instant,
}

impl Meter {
    /// Starts to count.
    ///
    /// # Errors
    ///
    /// That a server is gone.
    pub fn start(pids: &[u32]) -> Result<Self> {
        Ok(Self {
            pids: pids.to_vec(),
            server: sys::cpu_ns_of_all(pids)?,
            own: own_ns(),
            since: Instant::now(),
        })
    }

    /// Adds what was used since then for `messages` messages.
    ///
    /// # Errors
    ///
    /// That the server is gone.
    pub fn stop(&self, messages: u64, metrics: &mut Metrics) -> Result<()> {
        let wall = self.since.elapsed().as_nanos() as f64;
        let server = (sys::cpu_ns_of_all(&self.pids)? - self.server) as f64;
        let own = (own_ns() - self.own) as f64;
        metrics.insert("cpu_us", server / 1000.0 / messages.max(1) as f64);
        metrics.insert("rate", messages as f64 / (wall / 1e9));
        metrics.insert("server_busy", server / wall);
        metrics.insert("generator_busy", own / wall);
        Ok(())
    }
}

/// What this thread has run; not its process, whose children are the servers.
fn own_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ')
        .next()
        .and_then(|ns| ns.parse().ok())
        .unwrap_or(0)
}

/// All latencies of a window, exactly.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Forgets what was recorded.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Records one.
    pub fn record(&mut self, latency: Duration) {
        self.0
            .push(u32::try_from(latency.as_nanos() / 10).unwrap_or(u32::MAX));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Adds the median and the 99th percentile.
    pub fn summarize(&mut self, metrics: &mut Metrics) {
        self.0.sort_unstable();
        let at = |share: f64| {
            let last = self.0.len().saturating_sub(1);
            let latency = self.0.get((last as f64 * share) as usize).copied();
            f64::from(latency.unwrap_or(0)) / 100.0
        };
        metrics.insert("p50_us", at(0.5));
        metrics.insert("p99_us", at(0.99));
    }
}
