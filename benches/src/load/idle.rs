//! Many sockets that say nothing, until one broadcast reaches them all.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Frame, Sink, Swarm};
use crate::measure::{Meter, Metrics};
use crate::sys;
use crate::ws::{self, TEXT};

/// What the broadcast says.
const MESSAGE: &str = r#"{"message":"is anybody there?"}"#;

/// A load of silence.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Sockets.
    pub connections: usize,
    /// How long they are held; above 20 s the server's pings come.
    pub hold: Duration,
}

#[derive(Default)]
struct Heard(usize);

impl Idle {
    /// Runs the load against a server.
    ///
    /// # Errors
    ///
    /// That a connection is lost, or the broadcast does not reach everyone.
    pub fn run(&self, swarm: &mut Swarm, pid: u32) -> Result<Metrics> {
        let mut metrics = Metrics::new();
        let (empty, kernel) = (sys::resident(pid)?, sys::kernel_memory()?);
        let meter = Meter::start(&[pid])?;
        swarm.open_all(self.connections, Duration::from_secs(180), &mut ())?;
        meter.stop(self.connections as u64, &mut metrics)?;
        rename(&mut metrics, "cpu_us", "handshake_us");
        rename(&mut metrics, "rate", "handshakes_per_s");

        wait(swarm, &mut Heard::default(), Duration::from_millis(500))?;
        let each = |bytes: u64| bytes as f64 / self.connections as f64;
        let kernel = sys::kernel_memory()?.saturating_sub(kernel);
        metrics.insert("bytes", each(sys::resident(pid)?.saturating_sub(empty)));
        metrics.insert("kernel_bytes", each(kernel));

        let meter = Meter::start(&[pid])?;
        wait(swarm, &mut Heard::default(), self.hold)?;
        let mut held = Metrics::new();
        meter.stop(1, &mut held)?;
        metrics.insert("held_busy", held["server_busy"]);
        metrics.insert("pongs", swarm.pongs() as f64);

        let mut heard = Heard::default();
        let sent = Instant::now();
        let meter = Meter::start(&[pid])?;
        swarm.send(0, ws::client_frame(TEXT, MESSAGE.as_bytes()).into())?;
        while heard.0 < self.connections {
            swarm.turn(Duration::from_millis(100), &mut heard)?;
            ensure!(
                sent.elapsed() < Duration::from_secs(60),
                "the broadcast reached only {} of {}",
                heard.0,
                self.connections
            );
        }
        metrics.insert("broadcast_ms", sent.elapsed().as_secs_f64() * 1000.0);
        meter.stop(self.connections as u64, &mut metrics)?;
        wait(swarm, &mut Heard::default(), Duration::from_millis(200))?;
        metrics.insert(
            "bytes_after",
            each(sys::resident(pid)?.saturating_sub(empty)),
        );
        Ok(metrics)
    }
}

fn wait(swarm: &mut Swarm, heard: &mut Heard, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        swarm.turn(left, heard)?;
    }
    ensure!(heard.0 == 0, "{} messages came unasked", heard.0);
    Ok(())
}

fn rename(metrics: &mut Metrics, from: &'static str, to: &'static str) {
    if let Some(value) = metrics.remove(from) {
        metrics.insert(to, value);
    }
}

impl Sink for Heard {
    fn message(
        &mut self,
        _connection: usize,
        opcode: u8,
        payload: &[u8],
        _now: Instant,
        _send: &mut Vec<(usize, Frame)>,
    ) -> Result<()> {
        ensure!(opcode == TEXT, "a broadcast of opcode {opcode}");
        if self.0.is_multiple_of(97) {
            let value: serde_json::Value = serde_json::from_slice(payload)?;
            let expected: serde_json::Value = serde_json::from_str(MESSAGE)?;
            ensure!(
                value == expected,
                "another broadcast than expected: {value}"
            );
        }
        self.0 += 1;
        Ok(())
    }
}
