//! What the tests share: a server whose consumer answers, clients that write frames by hand, a log that
//! is counted.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use channels::prelude::*;
use tokio::sync::oneshot;

use super::support::{DEADLINE, Journal, Running, app};

/// Answers text and binary messages with the same, `report N` with `N` bytes, `slow reports` with many.
#[consumer(groups("answerers"))]
pub(crate) struct Answerer {
    journal: Journal,
}

#[consumer]
impl Answerer {
    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        let report = message
            .as_text()
            .and_then(|text| text.strip_prefix("report "))
            .and_then(|length| length.parse().ok());
        match (report, message.as_text()) {
            (Some(length), _) => socket.send(vec![0; length]).await,
            (None, Some("hang")) => {
                self.journal.note("hang");
                std::future::pending().await
            }
            (None, Some("slow reports")) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                for _ in 0..80 {
                    socket.send(vec![0; 200_000]).await?;
                }
                Ok(())
            }
            (None, Some("note")) => {
                self.journal.note("note");
                Ok(())
            }
            (None, Some("close")) => socket.close(CloseCode::NORMAL, "").await,
            _ => socket.send(message).await,
        }
    }

    async fn disconnect(&mut self, why: Disconnect) -> Result {
        self.journal
            .note(format!("disconnect {} {:?}", why.code, why.by));
        Ok(())
    }

    #[handler("any.event")]
    async fn any_event(&mut self, _event: Event) -> Result {
        self.journal.note("event");
        Ok(())
    }
}

/// An application of one route, and what its consumers note.
pub(crate) fn answerer(limits: Limits) -> (ProtocolTypeRouter, InMemoryChannelLayer, Journal) {
    let journal = Journal::default();
    let consumer = Answerer::app_with({
        let journal = journal.clone();
        move |_| Answerer {
            journal: journal.clone(),
        }
    });
    let layer = InMemoryChannelLayer::new();
    let app = app(consumer).channel_layer(layer.clone()).limits(limits);
    (app, layer, journal)
}

/// A server on a thread of its own, with one thread for all of its connections. It ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) app: ProtocolTypeRouter,
    pub(crate) layer: InMemoryChannelLayer,
    pub(crate) journal: Journal,
    stop: Option<oneshot::Sender<()>>,
}

impl Server {
    pub(crate) fn start(limits: Limits) -> Self {
        let (app, layer, journal) = answerer(limits);
        Self::of(app, layer, journal)
    }

    pub(crate) fn of(
        app: ProtocolTypeRouter,
        layer: InMemoryChannelLayer,
        journal: Journal,
    ) -> Self {
        let (started, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let application = app.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let server = Running::start(&application).await;
                started.send(server.address).expect("the test waits");
                let _ = stopped.await;
            });
        });
        Self {
            address: address.recv_timeout(DEADLINE).expect("it starts"),
            app,
            layer,
            journal,
            stop: Some(stop),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
    }
}

const HANDSHAKE: &str = "GET /ws/ HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A client that blocks, but never for longer than the deadline of a test.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let (client, head) = Self::ask(address);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        client
    }

    /// Sends a handshake. Returns the head of the answer as well.
    pub(crate) fn ask(address: SocketAddr) -> (Self, String) {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_nodelay(true).expect("set");
        stream.set_read_timeout(Some(DEADLINE)).expect("set");
        stream.set_write_timeout(Some(DEADLINE)).expect("set");
        stream.write_all(HANDSHAKE.as_bytes()).expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        (Self(stream), String::from_utf8_lossy(&head).into_owned())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("written");
    }

    /// Reads a frame: its first byte and its payload.
    pub(crate) fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length)?;
                usize::try_from(u64::from_be_bytes(length)).expect("a length")
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload)?;
        Ok((head[0], payload))
    }

    /// Reads until a close frame. Returns its code and reason.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        loop {
            let (first, payload) = self.receive().expect("a close frame");
            if first == 0x88 {
                let (code, reason) = payload.split_first_chunk().expect("a code");
                let reason = String::from_utf8_lossy(reason).into_owned();
                return (u16::from_be_bytes(*code), reason);
            }
        }
    }

    /// The time of each of many echoes.
    pub(crate) fn echoes(&mut self, count: usize) -> Vec<Duration> {
        let echo = |_| {
            let sent = Instant::now();
            self.send(&frame(0x81, b"echo"));
            assert_eq!(self.receive().expect("an echo"), (0x81, b"echo".to_vec()));
            sent.elapsed()
        };
        (0..count).map(echo).collect()
    }

    /// The median time of an echo.
    pub(crate) fn median_echo(&mut self) -> Duration {
        let mut times = self.echoes(21);
        times.sort();
        times[times.len() / 2]
    }
}

/// A client's frame, masked with zeros, which leaves the payload unchanged.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame.extend(payload);
    frame
}

/// The header of such a frame.
pub(crate) fn header(first: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    if let Ok(short @ 0..=125) = u8::try_from(length) {
        header.push(0x80 | short);
    } else {
        header.push(0x80 | 127);
        header.extend((length as u64).to_be_bytes());
    }
    header.extend([0; 4]);
    header
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "never so: {what}");
        thread::sleep(Duration::from_millis(2));
    }
    begun.elapsed()
}

/// What is logged at level WARN and above, by all threads of the process from then on.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Runs a closure with this log, on its thread.
    pub(crate) fn of<T>(run: impl FnOnce() -> T) -> (T, Vec<String>) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let value = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
        let result = run();
        drop(value);
        let bytes = log.0.lock().expect("no test panics here").clone();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (result, text.lines().map(str::to_owned).collect())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .map_err(|_| io::ErrorKind::Other)?
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
