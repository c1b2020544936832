//! A message of one member reaches every member of its group.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Frame, Sink, Swarm};
use crate::measure::{Latencies, Meter, Metrics, Window};
use crate::sys;
use crate::ws::{self, TEXT};

/// One delivery in so many is parsed as JSON; of the others, the number at the end is read.
const SAMPLE: u64 = 251;

/// How many messages of each sender a window has at the least.
const ROUNDS: usize = 8;

/// A load of broadcasts.
#[derive(Clone, Copy, Debug)]
pub struct Fan {
    /// Members, all of which listen and count.
    pub members: usize,
    /// Messages under way, each from another member.
    pub in_flight: usize,
    /// Bytes of a message.
    pub size: usize,
    /// Whether there is one more member, which never reads.
    pub deaf: bool,
    /// How often each sender sends, if not as soon as its last message has reached everybody.
    pub every: Option<Duration>,
}

/// Every delivery is checked: each member gets each sender's messages, all of them, in order.
struct Deliveries {
    fan: Fan,
    senders: Vec<Sender>,
    /// The number of the last message of each sender, for each member.
    last: Vec<u32>,
    latencies: Latencies,
    received: u64,
    stopped: bool,
}

struct Sender {
    number: u32,
    at: Instant,
    delivered: usize,
}

impl Sender {
    /// Has sent a first message, now.
    fn new(number: u32, at: Instant) -> Self {
        Self {
            number,
            at,
            delivered: 0,
        }
    }
}

impl Fan {
    /// Runs the load against a server, or several that share the group.
    ///
    /// # Errors
    ///
    /// That a connection is lost, or a delivery is wrong or missing.
    pub fn run(&self, swarm: &mut Swarm, pids: &[u32], window: Window) -> Result<Metrics> {
        self.open(swarm)?;
        self.load(swarm, pids, window)
    }

    /// Opens the members' connections.
    ///
    /// # Errors
    ///
    /// That one is refused.
    pub fn open(&self, swarm: &mut Swarm) -> Result<()> {
        swarm.open_all(self.members, Duration::from_secs(120), &mut ())?;
        if self.deaf {
            swarm.open_deaf(&mut ())?;
        }
        // A client may have its 101 before its server has made it a member.
        swarm.turn(Duration::from_millis(200), &mut ())
    }

    /// Runs the load over connections that are open. `sends` is how many messages were sent in all.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn load(&self, swarm: &mut Swarm, pids: &[u32], window: Window) -> Result<Metrics> {
        let mut deliveries = Deliveries {
            fan: *self,
            senders: Vec::new(),
            last: vec![0; self.members * self.in_flight],
            latencies: Latencies::default(),
            received: 0,
            stopped: false,
        };
        for sender in 0..self.in_flight {
            deliveries.senders.push(Sender::new(1, Instant::now()));
            swarm.send(sender, self.frame(sender, 1))?;
        }
        let before = resident(pids)?;
        drive(swarm, &mut deliveries, window.warm)?;
        deliveries.latencies.clear();
        let meter = Meter::start(pids)?;
        drive(swarm, &mut deliveries, window.measure)?;
        // A slow server delivers in bursts of a whole group: a few of them, or the end of the
        // window falls anywhere within one.
        let enough = (ROUNDS * self.in_flight * self.members) as u64;
        let end = Instant::now() + Duration::from_secs(10);
        while deliveries.latencies.count() < enough && Instant::now() < end {
            drive(swarm, &mut deliveries, Duration::from_millis(5))?;
        }
        let mut metrics = Metrics::new();
        ensure!(
            deliveries.latencies.count() > 0,
            "nothing was delivered in {:?}",
            window.measure
        );
        meter.stop(deliveries.latencies.count(), &mut metrics)?;
        deliveries.latencies.summarize(&mut metrics);
        let grown = resident(pids)?.saturating_sub(before);
        metrics.insert("grown_bytes", grown as f64);
        deliveries.stopped = true;
        let end = Instant::now() + Duration::from_secs(20);
        while deliveries
            .senders
            .iter()
            .any(|sender| sender.delivered < self.members)
        {
            ensure!(Instant::now() < end, "some deliveries never came");
            swarm.turn(Duration::from_millis(100), &mut deliveries)?;
        }
        let sends: u32 = deliveries.senders.iter().map(|sender| sender.number).sum();
        metrics.insert("sends", sends.into());
        Ok(metrics)
    }

    /// The sender and the number are the last ten characters of the text.
    fn text(&self, sender: usize, number: u32) -> String {
        let around = r#"{"message":""}"#.len() + 10;
        let filler = self.size.saturating_sub(around);
        format!("{:x<filler$}{sender:02}{number:08}", "")
    }

    fn frame(&self, sender: usize, number: u32) -> Frame {
        let json = format!(r#"{{"message":"{}"}}"#, self.text(sender, number));
        ws::client_frame(TEXT, json.as_bytes()).into()
    }
}

fn drive(swarm: &mut Swarm, sink: &mut Deliveries, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        swarm.turn(sink.patience(), sink)?;
        for (from, frame) in sink.due() {
            swarm.send(from, frame)?;
        }
    }
    Ok(())
}

fn resident(pids: &[u32]) -> Result<u64> {
    pids.iter().map(|&pid| sys::resident(pid)).sum()
}

impl Deliveries {
    /// How long nothing has to be sent.
    fn patience(&self) -> Duration {
        let next = self.senders.iter().filter_map(|sender| self.next(sender));
        let next = next
            .min()
            .map(|at| at.saturating_duration_since(Instant::now()));
        next.unwrap_or(Duration::from_millis(10))
            .min(Duration::from_millis(10))
    }

    /// What has to be sent now.
    fn due(&mut self) -> Vec<(usize, Frame)> {
        let (mut frames, now) = (Vec::new(), Instant::now());
        for from in 0..self.senders.len() {
            let sender = &self.senders[from];
            if self.next(sender).is_some_and(|at| at <= now) {
                let number = sender.number + 1;
                self.senders[from] = Sender::new(number, now);
                frames.push((from, self.fan.frame(from, number)));
            }
        }
        frames
    }

    /// When a sender sends again, if that is by the clock and its last message has reached everybody.
    fn next(&self, sender: &Sender) -> Option<Instant> {
        let every = self.fan.every?;
        (sender.delivered == self.fan.members).then(|| sender.at + every)
    }
}

impl Sink for Deliveries {
    fn message(
        &mut self,
        connection: usize,
        opcode: u8,
        payload: &[u8],
        now: Instant,
        send: &mut Vec<(usize, Frame)>,
    ) -> Result<()> {
        ensure!(opcode == TEXT, "a delivery of opcode {opcode}");
        let (from, number) = numbers(payload).context("a delivery without its number")?;
        self.received += 1;
        if self.received % SAMPLE == 1 {
            let value: serde_json::Value = serde_json::from_slice(payload)?;
            let expected = serde_json::json!({ "message": self.fan.text(from, number) });
            ensure!(value == expected, "another delivery than expected: {value}");
        }
        let sender = self.senders.get_mut(from).context("a delivery of nobody")?;
        let last = &mut self.last[connection * self.fan.in_flight + from];
        ensure!(
            *last + 1 == number,
            "member {connection} got {number} after {last}"
        );
        *last = number;
        self.latencies.record(now - sender.at);
        sender.delivered += 1;
        if sender.delivered == self.fan.members && !self.stopped && self.fan.every.is_none() {
            *sender = Sender::new(number + 1, Instant::now());
            send.push((from, self.fan.frame(from, sender.number)));
        }
        Ok(())
    }
}

/// The sender and the number, from `…SSNNNNNNNN"}`.
fn numbers(payload: &[u8]) -> Option<(usize, u32)> {
    let digits = payload.strip_suffix(br#""}"#)?.last_chunk::<10>()?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + u64::from(digit.checked_sub(b'0')?);
    }
    Some((
        (number / 100_000_000) as usize,
        (number % 100_000_000) as u32,
    ))
}
