//! What a connection's task shares with its handlers, its layer and its server.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;

use super::mailbox::{Mailbox, Pushed};
use super::outbound::Outbound;
use crate::consumer::{DisconnectedBy, Options, Table};
use crate::layer::{Delivered, Receiver};
use crate::limits::Limits;
use crate::stats::{DropReason, Stats};
use crate::transport::Frame;
use crate::{CloseCode, CloseFrame, Error, ErrorKind, Event, Message, Result};

/// One connection, seen from outside of its task.
///
/// Whoever changes something here wakes the task; nobody but the task touches the socket.
#[derive(Debug)]
pub(crate) struct Link {
    task: AtomicWaker,
    state: Mutex<State>,
    table: &'static Table,
    stats: Arc<Stats>,
    /// Ticks of the heartbeat since something came from the peer.
    quiet: AtomicU32,
    /// Whether the handshake was given up by the client, or by its deadline.
    abandoned: AtomicBool,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    accepted: bool,
    mailbox: Mailbox,
    outbound: Outbound,
    close: Option<(CloseFrame, DisconnectedBy)>,
}

/// How far a connection has come, for those who want to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    /// A close was asked for, or the connection has ended: nothing new goes in or out.
    Over,
}

impl Link {
    pub(crate) fn new(
        table: &'static Table,
        options: &Options,
        limits: &Limits,
        stats: Arc<Stats>,
    ) -> Arc<Self> {
        Arc::new(Self {
            task: AtomicWaker::new(),
            state: Mutex::new(State {
                phase: Phase::Connecting,
                accepted: false,
                mailbox: Mailbox::new(options.mailbox, options.overflow),
                outbound: Outbound::new(limits.outbound_bytes),
                close: None,
            }),
            table,
            stats,
            quiet: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
        })
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// From now on messages can be sent and events are delivered.
    pub(crate) fn open(&self) {
        let mut state = self.state();
        state.accepted = true;
        if state.phase == Phase::Connecting {
            state.phase = Phase::Open;
        }
    }

    /// The connection is over: whoever waits for room learns it, what waits for a handler is gone.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.phase = Phase::Over;
        state.mailbox.clear();
        state.outbound.clear();
    }

    /// Whether the handshake was accepted, whatever came after it.
    pub(crate) fn is_accepted(&self) -> bool {
        self.state().accepted
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().phase == Phase::Open
    }

    /// Asks the task to close the socket after what is queued; the first to ask decides the code.
    pub(crate) fn close(&self, frame: CloseFrame, by: DisconnectedBy) {
        let mut state = self.state();
        if state.phase == Phase::Open {
            state.phase = Phase::Over;
            state.close = Some((frame, by));
            state.mailbox.clear();
            drop(state);
            self.task.wake();
        }
    }

    pub(crate) fn take_close(&self) -> Option<(CloseFrame, DisconnectedBy)> {
        self.state().close.take()
    }

    /// Queues a message for a handler of the connection's own task, which writes when the handler
    /// lets it. Waits for room; gives the message back where there is no socket.
    pub(crate) fn poll_send(
        &self,
        message: &mut Option<Message>,
        cx: &mut Context<'_>,
    ) -> Poll<Result> {
        let mut state = self.state();
        let refusal = match state.phase {
            Phase::Open if state.outbound.is_full() => {
                state.outbound.wait(cx.waker());
                return Poll::Pending;
            }
            Phase::Open => {
                if let Some(message) = message.take() {
                    state.outbound.push(Frame::new(message));
                }
                return Poll::Ready(Ok(()));
            }
            Phase::Connecting => (ErrorKind::Handshake, "nothing can be sent before `accept`"),
            Phase::Over => (ErrorKind::Closed, "the connection is over"),
        };
        let error = Error::new(refusal.0, refusal.1);
        Poll::Ready(Err(match message.take() {
            Some(message) => error.unsent(message),
            None => error,
        }))
    }

    /// Tells the task that somebody else has queued something.
    pub(crate) fn wake(&self) {
        self.task.wake();
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.state().outbound.is_empty()
    }

    pub(crate) fn pop_event(&self) -> Option<Event> {
        self.state().mailbox.pop()
    }

    pub(crate) fn outbound<T>(&self, with: impl FnOnce(&mut Outbound) -> T) -> T {
        with(&mut self.state().outbound)
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Something came from the peer.
    pub(crate) fn heard(&self) {
        self.quiet.store(0, Ordering::Relaxed);
    }

    /// One more tick of the heartbeat without a sign of the peer: how many by now.
    pub(crate) fn tick(&self) -> u32 {
        self.quiet.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Queues a ping, unless the socket does not even take what is queued already.
    pub(crate) fn ping(&self) {
        let mut state = self.state();
        if state.phase == Phase::Open && !state.outbound.is_full() {
            state.outbound.push(Frame::ping());
            drop(state);
            self.task.wake();
        }
    }

    /// The peer is silent for too long: there is nobody to shake hands with.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.task.wake();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver for Link {
    fn deliver(&self, event: &Event) -> Delivered {
        if self.table.find(event.event_type()).is_none() {
            self.stats.dropped(DropReason::Unhandled);
            tracing::debug!(event_type = %event.event_type(), "an event that nobody handles");
            return Delivered::Queued;
        }
        let mut state = self.state();
        if state.phase == Phase::Over {
            return Delivered::Closed;
        }
        let pushed = state.mailbox.push(event);
        drop(state);
        match pushed {
            Pushed::Queued => {}
            Pushed::DroppedNewest => self.stats.dropped(DropReason::Newest),
            Pushed::DroppedOldest => self.stats.dropped(DropReason::Oldest),
            Pushed::Coalesced => self.stats.dropped(DropReason::Coalesced),
            Pushed::MustClose => {
                self.stats.dropped(DropReason::Closed);
                let frame = CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "too slow");
                self.close(frame, DisconnectedBy::Limit);
            }
        }
        self.task.wake();
        match pushed {
            Pushed::Queued | Pushed::Coalesced => Delivered::Queued,
            Pushed::DroppedNewest | Pushed::DroppedOldest | Pushed::MustClose => Delivered::Full,
        }
    }
}
