//! Everybody comes back at once, as after a server's restart.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Swarm;
use crate::measure::{Meter, Metrics};
use crate::sys;

/// A load of handshakes.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Clients, none of which waits for another.
    pub clients: usize,
}

impl Storm {
    /// Runs the load: all connect, all vanish, all connect at once; the last is measured.
    ///
    /// # Errors
    ///
    /// That not even the first, orderly round stands.
    pub fn run(&self, mut swarms: [Swarm; 2], pid: u32) -> Result<Metrics> {
        let [before, swarm] = &mut swarms;
        before.open_all(self.clients, Duration::from_secs(120), &mut ())?;
        *before = Swarm::new(&[], "")?;
        // As after a restart, the server holds none of them any more.
        let gone = Instant::now() + Duration::from_secs(30);
        while sys::open_files(pid)? > self.clients / 10 {
            ensure!(
                Instant::now() < gone,
                "the server keeps sockets whose clients are gone"
            );
            std::thread::sleep(Duration::from_millis(20));
        }

        let drops = sys::listen_drops()?;
        swarm.count_losses();
        let meter = Meter::start(&[pid])?;
        let start = Instant::now();
        // What connects is served in between, as separate machines would.
        for _ in 0..self.clients.div_ceil(64) {
            swarm.begin(64.min(self.clients - swarm.begun()))?;
            swarm.turn(Duration::ZERO, &mut ())?;
        }
        while swarm.open() + swarm.lost() < self.clients && start.elapsed().as_secs() < 30 {
            swarm.turn(Duration::from_millis(20), &mut ())?;
        }
        let mut metrics = Metrics::new();
        ensure!(swarm.open() > 0, "nobody came back");
        meter.stop(swarm.open() as u64, &mut metrics)?;
        metrics.insert("storm_ms", start.elapsed().as_secs_f64() * 1000.0);
        metrics.insert("failed", (self.clients - swarm.open()) as f64);
        metrics.insert("syn_drops", (sys::listen_drops()? - drops) as f64);
        Ok(metrics)
    }
}
