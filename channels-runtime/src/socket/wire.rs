//! The stream of one connection: bytes in, messages out, and how it ends.

use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::link::{Link, Output};
use super::queue::Queue;
use crate::consumer::{Disconnect, DisconnectedBy};
use crate::limits::Limits;
use crate::memory::Account;
use crate::stats::Stats;
use crate::transport::{Decoder, Frame, Incoming, ReadError, ReadHalf, Stream, Upgrade};
use crate::{CloseCode, CloseFrame, Message};

/// How many messages wait for their handler before the socket is no longer read.
const INBOUND: usize = 16;

/// Memory that a waiting message takes in addition to its payload, in bytes.
const BOOKKEEPING: usize = 2 * size_of::<Message>() + 32;

/// Bytes of an incomplete message that a server without memory still receives.
const SMALL: usize = 2048;

/// How long `disconnect` waits until everything is written to a client that broke a limit.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(1);

/// How many frames that no handler gets are taken at the most before other connections have their turn.
const UNHANDLED: usize = 64;

/// How much is read, and thrown away, of a peer that was refused and goes on sending.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// A connection's stream, from the upgrade to its last byte.
pub(crate) struct Wire {
    stage: Stage,
    inbound: Queue<Message>,
    /// Memory that the messages in `inbound` take.
    waiting: usize,
    /// What is received and not handled, in the total of all connections.
    account: Account,
    limits: Arc<Limits>,
    /// Wakes the task when the socket has something to read, and says so to the link.
    reader: Waker,
    /// Whether the socket had nothing when it was asked last.
    drained: bool,
    /// Whether events waited when the task looked last.
    has_events: bool,
    /// Why nothing can be written any more, and until when what the peer sent before is still taken: a
    /// handler that hangs is not waited for.
    unwritable: Option<(io::Error, Pin<Box<Sleep>>)>,
}

enum Stage {
    /// Accepted; the server has still to write the 101.
    Upgrading(Upgrade),
    Open(ReadHalf, Decoder),
    Ending(Box<Ending>),
    Gone,
}

/// The closing handshake (RFC 6455 §7), and what its end will be to the consumer.
struct Ending {
    io: ReadHalf,
    decoder: Decoder,
    disconnect: Disconnect,
    awaits: Awaits,
    /// How much had still to be written when the task looked last.
    unwritten: usize,
    /// Until when the next byte has to be taken, and in the end the peer's close frame to come.
    deadline: Pin<Box<Sleep>>,
    timeout: Duration,
    /// For a peer that broke a limit: how long its answer is waited for once all is written.
    rest: Option<Duration>,
    /// Whether the consumer is told of the end before the peer has answered: a peer that broke a limit
    /// may stay silent.
    is_early: bool,
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

/// What ends the open stage.
enum End {
    /// Somebody closes; this is the last frame that we send.
    Close(CloseFrame, DisconnectedBy, Awaits),
    Lost(io::Error),
}

impl Wire {
    pub(crate) fn new(
        upgrade: Upgrade,
        link: Arc<Link>,
        limits: Arc<Limits>,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            stage: Stage::Upgrading(upgrade),
            inbound: Queue::new(),
            waiting: 0,
            account: Account::new(stats),
            limits,
            reader: link.into(),
            drained: false,
            has_events: true,
            unwritable: None,
        }
    }

    /// The next message that waits for its handler.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.inbound.pop()?;
        self.waiting -= cost(&message);
        Some(message)
    }

    /// Begins a turn of the task, in which a bounded number of frames and bytes is decoded.
    #[inline]
    pub(crate) fn begin_turn(&mut self) {
        match &mut self.stage {
            Stage::Open(_, decoder) => decoder.begin_turn(),
            Stage::Ending(ending) => ending.decoder.begin_turn(),
            Stage::Upgrading(_) | Stage::Gone => {}
        }
    }

    /// Whether events may wait for a handler.
    pub(crate) fn has_events(&self) -> bool {
        self.has_events
    }

    /// Whether the closing handshake has begun: no handler starts for what comes from outside.
    pub(crate) fn is_closing(&self) -> bool {
        !matches!(self.stage, Stage::Upgrading(_) | Stage::Open(..))
    }

    /// Whether the socket was left with something unread, so that it wakes nobody.
    pub(crate) fn may_have_more(&self) -> bool {
        !self.drained
    }

    /// Moves bytes both ways: writes what is queued, and reads until there is a message, or, while
    /// a handler is `busy`, until enough of them wait. Ready once, when the stream has ended, or when
    /// nothing but the answer of a peer is missing that broke a limit: see [`poll_rest`](Self::poll_rest).
    pub(crate) fn poll(
        &mut self,
        link: &Link,
        busy: bool,
        output: Output,
        cx: &mut Context<'_>,
    ) -> Poll<Disconnect> {
        let ended = if link.is_abandoned() {
            self.stage = Stage::Gone;
            Poll::Ready(Disconnect::lost())
        } else {
            self.run(link, busy, output, cx)
        };
        self.account.settle(self.waiting + self.memory());
        let ended = ready!(ended);
        if !matches!(&self.stage, Stage::Ending(ending) if ending.is_early) {
            self.stage = Stage::Gone;
        }
        // What the peer sent before it left still goes to its handlers; where we closed, not.
        if !matches!(ended.by, DisconnectedBy::Peer | DisconnectedBy::Lost) {
            self.clear();
        }
        self.account.settle(self.waiting + self.memory());
        Poll::Ready(ended)
    }

    /// After [`poll`](Self::poll) was ready: ready once the closing handshake is over as well, so that no
    /// reset overtakes the close frame.
    pub(crate) fn poll_rest(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<()> {
        if let Stage::Ending(ending) = &mut self.stage {
            ready!(ending.poll(link, cx));
            self.stage = Stage::Gone;
        }
        Poll::Ready(())
    }

    /// Whether the closing handshake goes on after [`poll`](Self::poll) was ready.
    pub(crate) fn has_rest(&self) -> bool {
        matches!(self.stage, Stage::Ending(_))
    }

    /// Forgets the messages that wait for their handler.
    pub(crate) fn clear(&mut self) {
        self.inbound.clear();
        self.waiting = 0;
    }

    /// Memory that an incomplete message takes.
    #[inline]
    fn memory(&self) -> usize {
        match &self.stage {
            Stage::Open(_, decoder) => decoder.memory(),
            Stage::Ending(ending) => ending.decoder.memory(),
            Stage::Upgrading(_) | Stage::Gone => 0,
        }
    }

    fn run(
        &mut self,
        link: &Link,
        busy: bool,
        output: Output,
        cx: &mut Context<'_>,
    ) -> Poll<Disconnect> {
        if let Stage::Upgrading(upgrade) = &mut self.stage {
            match ready!(upgrade.poll(cx)) {
                Ok(Stream { read, write, early }) => {
                    link.attach(write);
                    self.stage = Stage::Open(read, Decoder::new(&self.limits, early));
                }
                Err(error) => return Poll::Ready(lost(&error)),
            }
        }
        if let Stage::Open(..) = self.stage {
            match ready!(self.poll_open(link, busy, output, cx)) {
                End::Close(frame, by, awaits) => self.begin_ending(link, frame, by, awaits),
                End::Lost(error) => return Poll::Ready(lost(&error)),
            }
        }
        match &mut self.stage {
            Stage::Ending(ending) => ending.poll(link, cx),
            _ => Poll::Pending,
        }
    }

    /// Writes what is queued, then reads while there is room for what comes.
    fn poll_open(
        &mut self,
        link: &Link,
        busy: bool,
        output: Output,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        let Stage::Open(io, decoder) = &mut self.stage else {
            return Poll::Pending;
        };
        let memory = self.account.memory();
        let room = if busy && !memory.is_exhausted() {
            INBOUND
        } else {
            1
        };
        for _ in 0..UNHANDLED {
            let turn = link.turn(busy, output, cx);
            self.has_events = turn.has_events;
            if let Poll::Ready(Err(error)) = turn.flushed {
                link.end();
                self.unwritable = Some((error, Box::pin(sleep(self.limits.grace))));
                self.drained = false;
                continue;
            }
            if let Some(close) = turn.close {
                let (frame, by) = *close;
                return Poll::Ready(End::Close(frame, by, Awaits::CloseFrame));
            }
            let time_is_up =
                |(_, deadline): &mut (_, Pin<Box<Sleep>>)| deadline.as_mut().poll(cx).is_ready();
            if let Some((error, _)) = self.unwritable.take_if(time_is_up) {
                return Poll::Ready(End::Lost(error));
            }
            if self.inbound.len() >= room || self.waiting >= self.limits.message_bytes {
                // Who is not listened to is not silent.
                link.heard();
                return Poll::Pending;
            }
            if turn.is_full {
                return Poll::Pending;
            }
            if self.drained && !link.take_readable() {
                return Poll::Pending;
            }
            let mut reader = Context::from_waker(&self.reader);
            let Poll::Ready(incoming) = decoder.poll_next(io, &mut reader) else {
                self.drained = true;
                let received = decoder.take_received();
                if received > 0 && decoder.is_incomplete() {
                    link.received(received);
                }
                if decoder.is_incomplete() && decoder.memory() > SMALL && memory.is_exhausted() {
                    memory.refuse("message of a client");
                    let frame = CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "out of memory");
                    let awaits = Awaits::EndOfStream(0);
                    return Poll::Ready(End::Close(frame, DisconnectedBy::Limit, awaits));
                }
                return match self.unwritable.take_if(|_| !link.is_readable()) {
                    Some((error, _)) => Poll::Ready(End::Lost(error)),
                    None => Poll::Pending,
                };
            };
            link.heard();
            // Most reads take all that there is: then the socket is not read once more to say so.
            self.drained = decoder.is_empty() && io.poll_readable(&mut reader).is_pending();
            match incoming {
                Ok(Incoming::Message(message)) => {
                    self.waiting += cost(&message);
                    self.inbound.push(message);
                    if self.inbound.len() >= room {
                        return Poll::Pending;
                    }
                }
                Ok(Incoming::Ping(payload)) => link.push_pong(Frame::pong(payload)),
                Ok(Incoming::Pong) => {}
                Ok(Incoming::Close(frame)) => {
                    let frame = frame.unwrap_or_else(no_status);
                    return Poll::Ready(End::Close(frame, DisconnectedBy::Peer, Awaits::Nothing));
                }
                Err(ReadError::Refused(frame)) => {
                    let awaits = Awaits::EndOfStream(0);
                    return Poll::Ready(End::Close(frame, DisconnectedBy::Limit, awaits));
                }
                Err(ReadError::Lost(error)) => return Poll::Ready(End::Lost(error)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends the last frame. A close of the peer is answered with the same.
    fn begin_ending(&mut self, link: &Link, frame: CloseFrame, by: DisconnectedBy, awaits: Awaits) {
        link.say_goodbye(&frame);
        let is_refused = by == DisconnectedBy::Limit;
        let timeout = if is_refused {
            self.limits.close_timeout.min(REFUSED_TIMEOUT)
        } else {
            self.limits.close_timeout
        };
        if let Stage::Open(io, decoder) = mem::replace(&mut self.stage, Stage::Gone) {
            self.stage = Stage::Ending(Box::new(Ending {
                io,
                decoder,
                disconnect: Disconnect::new(frame, by),
                awaits,
                unwritten: link.unwritten(),
                deadline: Box::pin(sleep(timeout)),
                timeout,
                rest: is_refused.then_some(self.limits.close_timeout),
                is_early: false,
            }));
        }
    }
}

impl Ending {
    /// Ready when all is written and what is awaited has come, or when the time is up; for a peer that
    /// broke a limit once more before, when all is written or a second has passed.
    fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<Disconnect> {
        if let Some(rest) = self.rest {
            if link.poll_flush(cx).is_pending() {
                ready!(self.deadline.as_mut().poll(cx));
            }
            self.rest = None;
            self.is_early = true;
            self.timeout = rest;
            self.deadline.as_mut().reset(Instant::now() + rest);
            return Poll::Ready(self.disconnect.clone());
        }
        if self.poll_farewell(link, cx).is_ready() {
            return Poll::Ready(self.disconnect.clone());
        }
        // A slow peer that goes on taking what is queued has its time for each part of it.
        let unwritten = link.unwritten();
        if mem::replace(&mut self.unwritten, unwritten) > unwritten {
            self.deadline.as_mut().reset(Instant::now() + self.timeout);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(self.disconnect.clone())
    }

    /// An error here is an end like any other: both sides know that it is over.
    fn poll_farewell(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(link.poll_flush(cx))?;
        match &mut self.awaits {
            Awaits::Nothing => {}
            Awaits::CloseFrame => {
                ready!(self.poll_close_frame(cx));
                self.awaits = Awaits::Nothing;
            }
            Awaits::EndOfStream(discarded) => {
                ready!(link.poll_shutdown(cx))?;
                return drain(&mut self.io, discarded, cx);
            }
        }
        link.poll_shutdown(cx)
    }

    /// Drops what comes before the peer's close frame, or before its end.
    fn poll_close_frame(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..UNHANDLED {
            match ready!(self.decoder.poll_next(&mut self.io, cx)) {
                Ok(Incoming::Close(_)) | Err(_) => return Poll::Ready(()),
                Ok(Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn drain(io: &mut ReadHalf, discarded: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut buffer = [0; 4096];
    for _ in 0..UNHANDLED {
        match ready!(io.poll_read(cx, &mut buffer))? {
            0 => return Poll::Ready(Ok(())),
            read => *discarded += read,
        }
        if *discarded >= DRAIN_BYTES {
            return Poll::Ready(Ok(()));
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Memory that a message takes while it waits, in bytes.
#[inline]
fn cost(message: &Message) -> usize {
    BOOKKEEPING + message.len()
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
