//! Every message comes back on its connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Frame, Sink, Swarm};
use crate::measure::{Latencies, Meter, Metrics, Window};
use crate::ws::{self, BINARY, TEXT};

/// One message in so many is compared byte by byte; of the others, kind and length.
const SAMPLE: u64 = 61;

/// How an echo is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The same bytes.
    Binary,
    /// The same bytes, as text.
    Text,
    /// The same JSON value: servers differ in spaces.
    Json,
}

/// A load of echoes.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Connections.
    pub connections: usize,
    /// Bytes of a message.
    pub size: usize,
    /// Messages under way on each connection.
    pub in_flight: usize,
    /// What comes back.
    pub check: Check,
}

struct Echoes {
    echo: Echo,
    payload: Vec<u8>,
    frame: Frame,
    waiting: Vec<VecDeque<Instant>>,
    latencies: Latencies,
    received: u64,
    stopped: bool,
}

impl Echo {
    /// Runs the load against a server.
    ///
    /// # Errors
    ///
    /// That a connection is lost, or an answer is wrong or missing.
    pub fn run(&self, swarm: &mut Swarm, pid: u32, window: Window) -> Result<Metrics> {
        swarm.open_all(self.connections, Duration::from_secs(120), &mut ())?;
        let payload = self.payload();
        let opcode = if self.check == Check::Binary {
            BINARY
        } else {
            TEXT
        };
        let mut echoes = Echoes {
            echo: *self,
            frame: ws::client_frame(opcode, &payload).into(),
            payload,
            waiting: vec![VecDeque::with_capacity(self.in_flight); self.connections],
            latencies: Latencies::default(),
            received: 0,
            stopped: false,
        };
        for connection in 0..self.connections {
            for _ in 0..self.in_flight {
                echoes.waiting[connection].push_back(Instant::now());
                swarm.send(connection, Frame::clone(&echoes.frame))?;
            }
        }
        drive(swarm, &mut echoes, window.warm)?;
        echoes.latencies.clear();
        let meter = Meter::start(&[pid])?;
        drive(swarm, &mut echoes, window.measure)?;
        let mut metrics = Metrics::new();
        ensure!(
            echoes.latencies.count() > 0,
            "no echo in {:?}",
            window.measure
        );
        meter.stop(echoes.latencies.count(), &mut metrics)?;
        echoes.latencies.summarize(&mut metrics);
        echoes.stopped = true;
        let end = Instant::now() + Duration::from_secs(20);
        while echoes.waiting.iter().any(|waiting| !waiting.is_empty()) {
            ensure!(Instant::now() < end, "some messages never came back");
            swarm.turn(Duration::from_millis(100), &mut echoes)?;
        }
        Ok(metrics)
    }

    fn payload(&self) -> Vec<u8> {
        let text = (0..self.size).map(|at| b'a' + (at % 23) as u8);
        match self.check {
            Check::Binary | Check::Text => text.collect(),
            Check::Json => {
                let (start, end) = (br#"{"message":""#, br#""}"#);
                let len = self.size.saturating_sub(start.len() + end.len());
                [&start[..], &text.take(len).collect::<Vec<_>>(), end].concat()
            }
        }
    }
}

fn drive(swarm: &mut Swarm, sink: &mut Echoes, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        swarm.turn(Duration::from_millis(10), sink)?;
    }
    Ok(())
}

impl Sink for Echoes {
    fn message(
        &mut self,
        connection: usize,
        opcode: u8,
        payload: &[u8],
        now: Instant,
        send: &mut Vec<(usize, Frame)>,
    ) -> Result<()> {
        self.check(opcode, payload)?;
        let waiting = &mut self.waiting[connection];
        let since = waiting.pop_front().context("an echo of nothing")?;
        self.latencies.record(now - since);
        if !self.stopped {
            waiting.push_back(now);
            send.push((connection, Frame::clone(&self.frame)));
        }
        Ok(())
    }
}

impl Echoes {
    fn check(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        self.received += 1;
        let expected = if self.echo.check == Check::Binary {
            BINARY
        } else {
            TEXT
        };
        ensure!(
            opcode == expected,
            "an echo of opcode {opcode}, not {expected}"
        );
        let sampled = self.received % SAMPLE == 1;
        if self.echo.check == Check::Json {
            ensure!(
                payload.ends_with(br#""}"#),
                "an echo that is no JSON object"
            );
            if sampled {
                let value: serde_json::Value = serde_json::from_slice(payload)?;
                let sent: serde_json::Value = serde_json::from_slice(&self.payload)?;
                ensure!(value == sent, "an echo of another value: {value}");
            }
        } else {
            ensure!(
                payload.len() == self.payload.len(),
                "an echo of {} bytes, not {}",
                payload.len(),
                self.payload.len()
            );
            ensure!(
                !sampled || payload == self.payload,
                "an echo of other bytes"
            );
        }
        Ok(())
    }
}
