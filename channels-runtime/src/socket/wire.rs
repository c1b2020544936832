//! The stream of one connection: bytes in, messages out, and how it ends.

use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::time::{Sleep, sleep};

use super::ending::{Awaits, Ending};
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

/// How many frames that no handler gets are taken at the most before other connections have their turn.
pub(super) const UNHANDLED: usize = 64;

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
            Stage::Ending(ending) => ending.begin_turn(),
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
        if !matches!(&self.stage, Stage::Ending(ending) if ending.is_early()) {
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
            Stage::Ending(ending) => ending.memory(),
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
                // Who is not listened to is not silent, unless it does not read: a handler that waits for its own
                // client spares that client nothing.
                if !turn.is_full {
                    link.heard();
                }
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
        if let Stage::Open(io, decoder) = mem::replace(&mut self.stage, Stage::Gone) {
            let disconnect = Disconnect::new(frame, by);
            let timeout = self.limits.close_timeout;
            let ending = Ending::new(io, decoder, disconnect, awaits, link.unwritten(), timeout);
            self.stage = Stage::Ending(Box::new(ending));
        }
    }
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
