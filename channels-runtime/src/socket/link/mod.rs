//! What a connection's task shares with its handlers, its layer and its server.

mod liveness;

use std::any::Any;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use super::flusher::Shard;
use super::mailbox::{Mailbox, Removed};
use super::outbound::{Outbound, Spent};
use super::signals::Signals;
use crate::consumer::{DisconnectedBy, Options, Overflow, Table};
use crate::handler_threads::{Client, HandlerThreads};
use crate::limits::Limits;
use crate::stats::Stats;
use crate::transport::{Frame, WriteHalf};
use crate::{CloseCode, CloseFrame};

/// One connection, seen from outside of its task.
///
/// No user code runs while its lock is held: no `Drop` of an event or a payload, no waker of a sender,
/// no tracing call. Any of them may send to this very connection, or close it. What such code is left
/// for goes into a [`Removed`] or a [`Spent`] that is declared before the guard, and so dropped after it.
///
/// Whoever changes something here wakes the task. The task alone reads the socket; it writes, and
/// for relayed events the flusher does.
#[derive(Debug)]
pub(crate) struct Link {
    /// Wakes the task, and says why where that is not in the state.
    signals: Signals,
    state: Mutex<State>,
    pub(super) table: &'static Table,
    /// The consumer's name.
    pub(super) consumer: fn() -> &'static str,
    /// Whether the keys of events matter: those of newer events that replace older ones.
    pub(super) coalesces: bool,
    pub(super) stats: Arc<Stats>,
    /// Who writes what relayed events queue here.
    flusher: Arc<Shard>,
    pub(super) threads: Arc<HandlerThreads>,
    this: Weak<Self>,
    /// Ticks of the heartbeat since something came from the peer.
    quiet: AtomicU32,
    /// Bytes of incomplete messages that came since then.
    incomplete: AtomicUsize,
    /// How many groups its channel may join.
    pub(super) max_groups: u32,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) accepted: bool,
    /// Whether a handler runs: what is relayed now has to wait behind what the handler sends.
    pub(super) busy: bool,
    /// Whether the flusher knows that there is something to write.
    pub(super) flushing: bool,
    pub(super) mailbox: Mailbox,
    pub(super) outbound: Outbound,
    pub(super) close: Option<Box<Close>>,
    /// What keeps the channel open and in its groups, see [`Channel`](crate::layer::Channel).
    membership: Option<Membership>,
}

/// The guard of a channel.
pub(crate) type Membership = Box<dyn Any + Send + Sync>;

/// What is to become of what is queued for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Write it now.
    Write,
    /// Leave it to the flusher: what events made their handlers send may soon have company, for
    /// the event that was sent to this socket was likely sent to many.
    Leave,
}

/// A close that was asked for.
pub(crate) type Close = (CloseFrame, DisconnectedBy);

/// How far a connection has come, for those who want to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Open,
    /// A close was asked for, or the connection has ended: nothing new goes in or out.
    Over,
}

/// What the task finds when it looks.
pub(crate) struct Turn {
    /// What became of writing what was queued.
    pub(crate) flushed: Poll<io::Result<()>>,
    /// A close that somebody asked for.
    pub(crate) close: Option<Box<Close>>,
    /// Whether so much is queued for the client that it is not listened to.
    pub(crate) is_full: bool,
    /// Whether events wait for a handler.
    pub(crate) has_events: bool,
}

impl Link {
    pub(crate) fn new(
        table: &'static Table,
        consumer: fn() -> &'static str,
        options: &Options,
        limits: &Limits,
        stats: Arc<Stats>,
        flusher: Arc<Shard>,
        threads: Arc<HandlerThreads>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            signals: Signals::new(),
            state: Mutex::new(State {
                phase: Phase::Connecting,
                accepted: false,
                busy: true,
                flushing: false,
                mailbox: Mailbox::new(options, limits, Arc::clone(&stats)),
                outbound: Outbound::new(limits.outbound_bytes, Arc::clone(&stats)),
                close: None,
                membership: None,
            }),
            table,
            consumer,
            coalesces: options.overflow == Overflow::Coalesce,
            stats,
            flusher,
            threads,
            this: this.clone(),
            quiet: AtomicU32::new(0),
            incomplete: AtomicUsize::new(0),
            max_groups: u32::try_from(limits.groups).unwrap_or(u32::MAX),
        })
    }

    #[inline]
    pub(crate) fn register(&self, waker: &Waker) {
        self.signals.register(waker);
    }

    /// From now on messages can be sent and events are delivered, unless a close was asked for
    /// meanwhile; false if the handshake was given up.
    pub(crate) fn open(&self) -> bool {
        let mut state = self.state();
        if state.phase != Phase::Connecting {
            return false;
        }
        state.accepted = true;
        state.phase = match state.close {
            Some(_) => Phase::Over,
            None => Phase::Open,
        };
        true
    }

    /// The 101 is written: what is queued can follow.
    pub(crate) fn attach(&self, sink: WriteHalf) {
        self.state().outbound.attach(sink);
    }

    /// Nothing new goes in or out; the last frame is queued.
    pub(crate) fn say_goodbye(&self, frame: &CloseFrame) {
        let _removed;
        let mut spent = Spent::default();
        let mut state = self.state();
        state.phase = Phase::Over;
        _removed = state.mailbox.clear();
        state.outbound.push(Frame::close(frame));
        state.outbound.release_waiting(&mut spent);
        drop(state);
        drop(spent);
        self.leave();
    }

    /// Holds the channel's guard until the connection leaves its groups.
    pub(crate) fn hold(&self, membership: Option<Membership>) {
        let mut state = self.state();
        if state.phase != Phase::Over {
            state.membership = membership;
        }
    }

    /// Leaves all groups and closes the channel. For the connection's task: a layer that delivers to
    /// this link may hold locks that the guard takes.
    pub(crate) fn leave(&self) {
        let membership = self.state().membership.take();
        drop(membership);
    }

    /// The connection is over: whoever waits for room learns it, what waits for a handler is gone.
    pub(crate) fn end(&self) {
        let _removed: Removed;
        let mut spent = Spent::default();
        let mut state = self.state();
        state.phase = Phase::Over;
        _removed = state.mailbox.clear();
        state.outbound.clear(&mut spent);
        drop(state);
        self.leave();
    }

    /// Whether the handshake was accepted, whatever came after it.
    pub(crate) fn is_accepted(&self) -> bool {
        self.state().accepted
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().phase == Phase::Open
    }

    /// Whether a close was asked for, or the connection has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.state().phase == Phase::Over
    }

    /// Asks the task to close the socket after what is queued, or, while it is connecting, as soon
    /// as it is accepted; the first to ask decides the code.
    pub(crate) fn close(&self, frame: CloseFrame, by: DisconnectedBy) {
        let (_removed, mut spent);
        let mut state = self.state();
        if state.phase == Phase::Over || state.close.is_some() {
            return;
        }
        if state.phase == Phase::Open {
            state.phase = Phase::Over;
        }
        state.close = Some(Box::new((frame, by)));
        _removed = state.mailbox.clear();
        // Who waits for room to send learns at once that nothing is sent any more.
        spent = Spent::default();
        state.outbound.release_waiting(&mut spent);
        drop(state);
        self.wake_task();
    }

    /// Writes what is queued, or leaves it to the flusher, and tells the task what else there is.
    pub(crate) fn turn(&self, busy: bool, output: Output, cx: &mut Context<'_>) -> Turn {
        let mut spent = Spent::default();
        let mut state = self.state();
        state.busy = busy;
        let was_full = state.outbound.is_full();
        // What the flusher has still to write is left to it in any case: it is about to.
        let leaves = (output == Output::Leave || state.flushing) && !was_full;
        let is_new = leaves && !state.flushing && !state.outbound.is_empty();
        state.flushing |= is_new;
        let flushed = if leaves {
            Poll::Pending
        } else {
            state.outbound.poll_flush(cx, &mut spent)
        };
        let is_full = was_full && state.outbound.is_full();
        if state.outbound.take_progress() {
            // The socket had no room, and has again: so the peer receives.
            self.heard();
        }
        let turn = Turn {
            flushed,
            close: state.close.take(),
            is_full,
            has_events: !state.mailbox.is_empty(),
        };
        drop(state);
        if is_new {
            self.leave_to_flusher();
        }
        turn
    }

    pub(super) fn leave_to_flusher(&self) {
        if let Some(this) = self.this.upgrade() {
            self.flusher.push(this);
        }
    }

    /// Whether the socket may have something to read since it had nothing.
    #[inline]
    pub(crate) fn take_readable(&self) -> bool {
        self.signals.take_readable()
    }

    /// The same, without taking notice.
    pub(crate) fn is_readable(&self) -> bool {
        self.signals.is_readable()
    }

    /// Says that a handler begins to run, where that matters to anybody.
    #[inline]
    pub(crate) fn begin_handler(&self) {
        if self.table.relays() {
            self.state().busy = true;
        }
    }

    /// Queues the answer to a ping, which nobody waits for.
    pub(crate) fn push_pong(&self, frame: Frame) {
        self.state().outbound.push_pong(frame);
    }

    /// Writes what relayed events have queued. What the socket does not take, its task waits for.
    pub(super) fn flush_relayed(&self) {
        let mut spent = Spent::default();
        let mut state = self.state();
        state.flushing = false;
        let flushed = state.outbound.try_flush(&mut spent);
        let progressed = state.outbound.take_progress();
        // Events may wait for the room that there is now.
        let has_events = !state.mailbox.is_empty();
        drop(state);
        if progressed {
            self.heard();
        }
        if has_events || !matches!(flushed, Poll::Ready(Ok(()))) {
            self.wake_task();
        }
    }

    /// How many bytes have still to be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.state().outbound.bytes()
    }

    /// Writes all that the socket takes, in the closing handshake.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut spent = Spent::default();
        let mut state = self.state();
        state.outbound.poll_flush(cx, &mut spent)
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().outbound.poll_shutdown(cx)
    }

    /// Has the task look at what has changed here.
    pub(crate) fn wake_task(&self) {
        self.signals.wake();
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.state().outbound.is_empty()
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// No code panics while it holds this lock.
    #[inline]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its handler waits for a client that does not read, and too many do.
impl Client for Link {
    fn disconnect(&self) {
        let frame = CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "too slow");
        self.close(frame, DisconnectedBy::Limit);
    }
}

/// The socket has something to read.
impl Wake for Link {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.signals.set_readable();
    }
}
