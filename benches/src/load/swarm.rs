//! All connections of the generator, and the loop that serves them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token};

use super::Frame;
use super::client::{Client, Stage};
use crate::ws::{self, CLOSE, PING, PONG};

/// What one read takes at the most.
const BUFFER: usize = 256 * 1024;

/// Connections per source address: well below the number of ephemeral ports.
const PER_SOURCE: usize = 14_000;

/// Takes the messages that arrive, and says what to send.
pub trait Sink {
    /// A whole message of a connection; `send` takes what follows from it.
    ///
    /// # Errors
    ///
    /// That it is not what the server should have sent.
    fn message(
        &mut self,
        connection: usize,
        opcode: u8,
        payload: &[u8],
        now: Instant,
        send: &mut Vec<(usize, Frame)>,
    ) -> Result<()>;
}

/// A sink for times at which nothing may arrive.
impl Sink for () {
    fn message(
        &mut self,
        connection: usize,
        _opcode: u8,
        payload: &[u8],
        _now: Instant,
        _send: &mut Vec<(usize, Frame)>,
    ) -> Result<()> {
        bail!(
            "{} bytes came unasked on connection {connection}",
            payload.len()
        )
    }
}

/// Many clients of one server, or of several in turn.
pub struct Swarm {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Box<[u8]>,
    to_send: Vec<(usize, Frame)>,
    servers: Vec<SocketAddr>,
    path: String,
    open: usize,
    pongs: u64,
    /// Connections that were lost, where that is counted and no error.
    lost: Option<usize>,
    /// The second byte of the source addresses: another for each swarm, so that ports of the last
    /// one, which the kernel keeps for a minute, are not in the way.
    network: u8,
}

impl std::fmt::Debug for Swarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Swarm of {} for {:?}", self.clients.len(), self.servers)
    }
}

impl Swarm {
    /// No clients yet.
    ///
    /// # Errors
    ///
    /// That there is no epoll.
    pub fn new(servers: &[SocketAddr], path: &str) -> Result<Self> {
        use std::sync::atomic::{AtomicU8, Ordering};
        static SWARMS: AtomicU8 = AtomicU8::new(0);
        // Another process' last ones are in the way, too.
        let first = std::process::id() as u8;
        let network = first.wrapping_add(SWARMS.fetch_add(1, Ordering::Relaxed));
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            buffer: vec![0; BUFFER].into(),
            to_send: Vec::new(),
            servers: servers.to_vec(),
            path: path.into(),
            open: 0,
            pongs: 0,
            lost: None,
            network: network.max(1),
        })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open
    }

    /// How many connections were begun.
    pub fn begun(&self) -> usize {
        self.clients.len()
    }

    /// Whose client a connection is.
    fn server_of(&self, connection: usize) -> SocketAddr {
        self.servers[connection % self.servers.len()]
    }

    /// How many pings were answered.
    pub fn pongs(&self) -> u64 {
        self.pongs
    }

    /// From now on lost connections are counted, and end nothing.
    pub fn count_losses(&mut self) {
        self.lost = Some(0);
    }

    /// How many connections were lost since then.
    pub fn lost(&self) -> usize {
        self.lost.unwrap_or(0)
    }

    /// Begins `count` connections without waiting for them.
    ///
    /// # Errors
    ///
    /// That the kernel has no more files or ports.
    pub fn begin(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let source = (self.clients.len() / PER_SOURCE) as u8 + 1;
            let source = Ipv4Addr::new(127, self.network, 0, source);
            self.add(Client::connect(
                source,
                self.server_of(self.clients.len()),
                None,
            )?)?;
        }
        Ok(())
    }

    /// Opens `count` connections, a few at a time, and waits until all are open.
    ///
    /// # Errors
    ///
    /// That one is refused, or that it takes longer than `patience`.
    pub fn open_all(
        &mut self,
        count: usize,
        patience: Duration,
        sink: &mut impl Sink,
    ) -> Result<()> {
        let target = self.open + count;
        let end = Instant::now() + patience;
        while self.open < target {
            let pending = self.clients.len() - self.open;
            let missing = target - self.clients.len();
            self.begin(missing.min(100_usize.saturating_sub(pending)))?;
            self.turn(Duration::from_millis(100), sink)?;
            ensure!(
                Instant::now() < end,
                "only {} of {target} connections in {patience:?}",
                self.open
            );
        }
        Ok(())
    }

    /// Opens a connection that never reads a message.
    ///
    /// # Errors
    ///
    /// As [`open_all`](Self::open_all).
    pub fn open_deaf(&mut self, sink: &mut impl Sink) -> Result<usize> {
        let deaf = self.clients.len();
        let source = Ipv4Addr::new(127, self.network, 0, 200);
        self.add(Client::connect(source, self.server_of(deaf), Some(4096))?)?;
        let end = Instant::now() + Duration::from_secs(10);
        while self.clients[deaf].stage != Stage::Open {
            self.turn(Duration::from_millis(100), sink)?;
            ensure!(Instant::now() < end, "the slow reader got no connection");
        }
        self.poll
            .registry()
            .deregister(&mut self.clients[deaf].stream)?;
        Ok(deaf)
    }

    fn add(&mut self, mut client: Client) -> Result<()> {
        let token = Token(self.clients.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut client.stream, token, interest)?;
        self.clients.push(client);
        Ok(())
    }

    /// Sends a frame on one connection.
    ///
    /// # Errors
    ///
    /// That the connection is gone.
    pub fn send(&mut self, connection: usize, frame: Frame) -> Result<()> {
        self.clients[connection].send(frame)
    }

    /// Serves what is ready, after waiting for it.
    ///
    /// # Errors
    ///
    /// That a connection is lost, or what the sink says.
    pub fn turn(&mut self, wait: Duration, sink: &mut impl Sink) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        // Taken out, for each event borrows the rest.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let at = event.token().0;
            if let Err(error) = self.serve(at, event.is_writable(), event.is_readable(), sink) {
                self.lose(at)
                    .ok_or(error)
                    .with_context(|| format!("connection {at}"))?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Counts a lost connection, if losses are counted.
    fn lose(&mut self, at: usize) -> Option<()> {
        let lost = self.lost.as_mut()?;
        *lost += 1;
        // It may be gone from epoll already.
        let _ = self
            .poll
            .registry()
            .deregister(&mut self.clients[at].stream);
        Some(())
    }

    fn serve(
        &mut self,
        at: usize,
        writable: bool,
        readable: bool,
        sink: &mut impl Sink,
    ) -> Result<()> {
        let server = self.server_of(at);
        let client = &mut self.clients[at];
        if writable {
            match client.stage {
                Stage::Connecting => client.shake_hands(server, &self.path)?,
                _ => client.flush()?,
            }
        }
        if !readable {
            return Ok(());
        }
        loop {
            let client = &mut self.clients[at];
            let Some(read) = client.read(&mut self.buffer)? else {
                return Ok(());
            };
            let now = Instant::now();
            let before = client.stage;
            let (to_send, pongs) = (&mut self.to_send, &mut self.pongs);
            client.take(&mut self.buffer[..read], |head, frame| {
                let payload = &frame[head.header..];
                match head.opcode {
                    PING => {
                        *pongs += 1;
                        to_send.push((at, ws::client_frame(PONG, payload).into()));
                        Ok(())
                    }
                    PONG => Ok(()),
                    CLOSE => bail!("the server closed: {payload:?}"),
                    opcode => sink.message(at, opcode, payload, now, to_send),
                }
            })?;
            if before != Stage::Open && client.stage == Stage::Open {
                self.open += 1;
            }
            for (to, frame) in to_send.drain(..) {
                self.clients[to].send(frame)?;
            }
            // A short read has emptied a stream; epoll(7) allows to leave out the next one.
            if read < self.buffer.len() {
                return Ok(());
            }
        }
    }
}
