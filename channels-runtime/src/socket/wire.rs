//! The stream of one connection: bytes in, messages out, and how it ends.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::link::Link;
use crate::consumer::{Disconnect, DisconnectedBy};
use crate::limits::Limits;
use crate::transport::{Codec, Incoming, Io, ReadError, Upgraded};
use crate::{CloseCode, CloseFrame, Message};

/// How many messages wait for their handler before the socket is no longer read.
const INBOUND: usize = 16;

/// How much is read, and thrown away, of a peer that was refused and goes on sending.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

type Upgrade = Pin<Box<dyn Future<Output = io::Result<Upgraded>> + Send>>;

/// A connection's stream, from the upgrade to its last byte.
pub(crate) struct Wire {
    stage: Stage,
    inbound: VecDeque<Message>,
    max_message: usize,
    max_frame: usize,
    close_timeout: Duration,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a connection spends its life in the large one"
)]
enum Stage {
    /// Accepted; the server has still to write the 101.
    Upgrading(Upgrade),
    Open {
        io: Io,
        codec: Codec,
        ending: Option<Box<Ending>>,
    },
    Gone,
}

/// The closing handshake (RFC 6455 §7), and what its end will be to the consumer.
struct Ending {
    disconnect: Disconnect,
    awaits: Awaits,
    deadline: Pin<Box<Sleep>>,
}

/// What has to happen before the stream can be dropped. In all cases what is queued is written.
enum Awaits {
    /// Nothing more: the peer has closed, and this was the answer.
    Nothing,
    /// We closed: the peer's close frame.
    CloseFrame,
    /// The peer was refused: its end of stream, so that no reset overtakes our close frame. So
    /// many bytes are thrown away by now.
    EndOfStream(usize),
}

impl Wire {
    pub(crate) fn new(upgrade: Upgrade, limits: &Limits) -> Self {
        Self {
            stage: Stage::Upgrading(upgrade),
            inbound: VecDeque::new(),
            max_message: limits.message_bytes,
            max_frame: limits.frame_bytes,
            close_timeout: limits.close_timeout,
        }
    }

    /// The next message that waits for its handler.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.inbound.pop_front();
        if self.inbound.is_empty() {
            self.inbound = VecDeque::new();
        }
        message
    }

    /// Moves bytes both ways. Ready once, when the stream has ended; it must be polled again
    /// whenever messages were popped or frames queued.
    pub(crate) fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let ended = if link.is_abandoned() {
            Disconnect::lost()
        } else {
            ready!(self.run(link, cx))
        };
        self.stage = Stage::Gone;
        self.inbound = VecDeque::new();
        Poll::Ready(ended)
    }

    fn run(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<Disconnect> {
        if let Stage::Upgrading(upgrade) = &mut self.stage {
            self.stage = match ready!(upgrade.as_mut().poll(cx)) {
                Ok(Upgraded { io, early }) => {
                    let codec = Codec::new(self.max_message, self.max_frame, early);
                    Stage::Open {
                        io,
                        codec,
                        ending: None,
                    }
                }
                Err(error) => return Poll::Ready(lost(&error)),
            };
        }
        let Stage::Open { io, codec, ending } = &mut self.stage else {
            return Poll::Pending;
        };
        if ending.is_none() {
            let (disconnect, awaits) = match poll_open(io, codec, &mut self.inbound, link, cx) {
                Poll::Ready(Open::Ending(disconnect, awaits)) => (disconnect, awaits),
                Poll::Ready(Open::Lost(error)) => return Poll::Ready(lost(&error)),
                Poll::Pending => return Poll::Pending,
            };
            let deadline = Box::pin(sleep(self.close_timeout));
            *ending = Some(Box::new(Ending {
                disconnect,
                awaits,
                deadline,
            }));
        }
        let Some(ending) = ending else {
            return Poll::Pending;
        };
        ending.poll(io, codec, link, cx)
    }
}

/// What ends the open stage.
enum Open {
    Ending(Disconnect, Awaits),
    Lost(io::Error),
}

/// Writes what is queued, then reads while there is room for what comes.
fn poll_open(
    io: &mut Io,
    codec: &mut Codec,
    inbound: &mut VecDeque<Message>,
    link: &Link,
    cx: &mut Context<'_>,
) -> Poll<Open> {
    loop {
        if let Poll::Ready(Err(error)) = poll_flush(io, codec, link, cx) {
            return Poll::Ready(Open::Lost(error));
        }
        if let Some((frame, by)) = link.take_close() {
            codec.close(&frame);
            let disconnect = Disconnect::new(frame, by);
            return Poll::Ready(Open::Ending(disconnect, Awaits::CloseFrame));
        }
        if inbound.len() >= INBOUND || link.outbound(|queue| queue.is_full()) {
            return Poll::Pending;
        }
        match ready!(codec.poll_read(io, cx)) {
            Ok(Incoming::Message(message)) => inbound.push_back(message),
            Ok(Incoming::Control) => {}
            Ok(Incoming::Close(frame)) => {
                let frame = frame.unwrap_or_else(no_status);
                let disconnect = Disconnect::new(frame, DisconnectedBy::Peer);
                return Poll::Ready(Open::Ending(disconnect, Awaits::Nothing));
            }
            Err(ReadError::Refused(frame)) => {
                codec.close(&frame);
                let disconnect = Disconnect::new(frame, DisconnectedBy::Limit);
                return Poll::Ready(Open::Ending(disconnect, Awaits::EndOfStream(0)));
            }
            Err(ReadError::Lost(error)) => return Poll::Ready(Open::Lost(error)),
            Err(ReadError::Closed) => {
                return Poll::Ready(Open::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        link.heard();
    }
}

impl Ending {
    /// Ready when all is written and what is awaited has come, or when the time is up.
    fn poll(
        &mut self,
        io: &mut Io,
        codec: &mut Codec,
        link: &Link,
        cx: &mut Context<'_>,
    ) -> Poll<Disconnect> {
        let time_is_up = self.deadline.as_mut().poll(cx).is_ready();
        if time_is_up || self.poll_farewell(io, codec, link, cx).is_ready() {
            return Poll::Ready(self.disconnect.clone());
        }
        Poll::Pending
    }

    /// An error here is an end like any other: both sides know that it is over.
    fn poll_farewell(
        &mut self,
        io: &mut Io,
        codec: &mut Codec,
        link: &Link,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_flush(io, codec, link, cx))?;
        match &mut self.awaits {
            Awaits::Nothing => io.poll_shutdown(cx),
            Awaits::CloseFrame => {
                while let Ok(Incoming::Message(_) | Incoming::Control) =
                    ready!(codec.poll_read(io, cx))
                {}
                io.poll_shutdown(cx)
            }
            Awaits::EndOfStream(discarded) => {
                ready!(io.poll_shutdown(cx))?;
                drain(io, discarded, cx)
            }
        }
    }
}

fn poll_flush(
    io: &mut Io,
    codec: &mut Codec,
    link: &Link,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let control = codec.take_control();
    link.outbound(|queue| {
        if let Some(frame) = control {
            queue.push(frame);
        }
        queue.poll_flush(io, cx)
    })
}

fn drain(io: &mut Io, discarded: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut buffer = [0; 4096];
    while *discarded < DRAIN_BYTES {
        match ready!(io.poll_read(cx, &mut buffer))? {
            0 => break,
            read => *discarded += read,
        }
    }
    Poll::Ready(Ok(()))
}

fn no_status() -> CloseFrame {
    CloseFrame {
        code: CloseCode::NO_STATUS_RECEIVED,
        reason: "".into(),
    }
}

fn lost(error: &io::Error) -> Disconnect {
    tracing::debug!(%error, "the connection was lost");
    Disconnect::lost()
}
