//! What a connection's task shares with its handlers, its layer and its server.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use super::flusher::Shard;
use super::mailbox::Mailbox;
use super::outbound::Outbound;
use crate::consumer::{DisconnectedBy, Options, Table};
use crate::limits::Limits;
use crate::stats::Stats;
use crate::transport::{Frame, WriteHalf};
use crate::{CloseFrame, Error, ErrorKind, Result};

/// One connection, seen from outside of its task.
///
/// Whoever changes something here wakes the task. The task alone reads the socket; it writes, and
/// for relayed events the flusher does.
#[derive(Debug)]
pub(crate) struct Link {
    /// Wakes the task, from its first poll on: a task has the same waker all its life.
    task: OnceLock<Waker>,
    state: Mutex<State>,
    pub(super) table: &'static Table,
    pub(super) stats: Arc<Stats>,
    /// Who writes what relayed events queue here.
    flusher: Arc<Shard>,
    this: Weak<Self>,
    /// Whether the socket may have something to read. The socket wakes the link, so that a task that
    /// was woken by something else need not ask.
    readable: AtomicBool,
    /// Ticks of the heartbeat since something came from the peer.
    quiet: AtomicU32,
    /// Whether the handshake was given up by the client, or by its deadline.
    abandoned: AtomicBool,
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
}

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
        options: &Options,
        limits: &Limits,
        stats: Arc<Stats>,
        flusher: Arc<Shard>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            task: OnceLock::new(),
            state: Mutex::new(State {
                phase: Phase::Connecting,
                accepted: false,
                busy: true,
                flushing: false,
                mailbox: Mailbox::new(options.mailbox, options.overflow),
                outbound: Outbound::new(limits.outbound_bytes),
                close: None,
            }),
            table,
            stats,
            flusher,
            this: this.clone(),
            readable: AtomicBool::new(true),
            quiet: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
            max_groups: u32::try_from(limits.groups).unwrap_or(u32::MAX),
        })
    }

    #[inline]
    pub(crate) fn register(&self, waker: &Waker) {
        let known = self.task.get_or_init(|| waker.clone());
        debug_assert!(known.will_wake(waker), "a task has one waker");
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
        let mut state = self.state();
        state.phase = Phase::Over;
        state.mailbox.clear();
        state.outbound.push(Frame::close(frame));
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

    /// Asks the task to close the socket after what is queued, or, while it is connecting, as soon
    /// as it is accepted; the first to ask decides the code.
    pub(crate) fn close(&self, frame: CloseFrame, by: DisconnectedBy) {
        let mut state = self.state();
        if state.phase == Phase::Over || state.close.is_some() {
            return;
        }
        if state.phase == Phase::Open {
            state.phase = Phase::Over;
        }
        state.close = Some(Box::new((frame, by)));
        state.mailbox.clear();
        drop(state);
        self.wake_task();
    }

    /// Writes what is queued, or leaves it to the flusher, and tells the task what else there is.
    pub(crate) fn turn(&self, busy: bool, output: Output, cx: &mut Context<'_>) -> Turn {
        let mut state = self.state();
        state.busy = busy;
        let (unwritten, was_full) = (state.outbound.bytes(), state.outbound.is_full());
        // What the flusher has still to write is left to it in any case: it is about to.
        let leaves = (output == Output::Leave || state.flushing) && !was_full;
        let is_new = leaves && !state.flushing && !state.outbound.is_empty();
        state.flushing |= is_new;
        let flushed = if leaves {
            Poll::Pending
        } else {
            state.outbound.poll_flush(cx)
        };
        let is_full = was_full && state.outbound.is_full();
        if was_full && state.outbound.bytes() < unwritten {
            // It is not listened to, but takes what is sent.
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
        self.readable.load(Ordering::Relaxed) && self.readable.swap(false, Ordering::Acquire)
    }

    /// The same, without taking notice.
    pub(crate) fn is_readable(&self) -> bool {
        self.readable.load(Ordering::Acquire)
    }

    /// Says that a handler begins to run, where that matters to anybody.
    #[inline]
    pub(crate) fn begin_handler(&self) {
        if self.table.relays() {
            self.state().busy = true;
        }
    }

    /// Queues a message for a handler of the connection's own task, which writes when the handler
    /// lets it. Waits for room; the error holds the message where there is no socket.
    ///
    /// Cancel safe: dropped before its end, nothing is queued.
    pub(crate) fn send<T>(&self, message: T) -> impl Future<Output = Result> + Send
    where
        T: Into<Frame> + Send + Sync + 'static,
    {
        let mut message = Some(message);
        std::future::poll_fn(move |cx| {
            self.poll_send(&mut message, cx)
                .map_err(|error| match message.take() {
                    Some(message) => error.with_unsent(message),
                    None => error,
                })
        })
    }

    fn poll_send<T: Into<Frame>>(
        &self,
        message: &mut Option<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result> {
        let mut state = self.state();
        let (kind, what) = match state.phase {
            Phase::Open if state.outbound.is_full() => {
                state.outbound.wait(cx.waker());
                return Poll::Pending;
            }
            Phase::Open => {
                if let Some(message) = message.take() {
                    state.outbound.push(message.into());
                }
                return Poll::Ready(Ok(()));
            }
            Phase::Connecting => (ErrorKind::Handshake, "nothing can be sent before `accept`"),
            Phase::Over => (ErrorKind::Closed, "the connection is over"),
        };
        Poll::Ready(Err(Error::new(kind, what)))
    }

    /// Queues a frame of the protocol's own, which nobody waits for.
    pub(crate) fn push_control(&self, frame: Frame) {
        self.state().outbound.push(frame);
    }

    /// Writes what relayed events have queued. What the socket does not take, its task waits for.
    pub(super) fn flush_relayed(&self) {
        let mut state = self.state();
        state.flushing = false;
        let flushed = state.outbound.try_flush();
        // Events may wait for the room that there is now.
        let has_events = !state.mailbox.is_empty();
        drop(state);
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
        self.state().outbound.poll_flush(cx)
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().outbound.poll_shutdown(cx)
    }

    /// Has the task look at what has changed here.
    pub(crate) fn wake_task(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.state().outbound.is_empty()
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Something came from the peer.
    #[inline]
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
            self.wake_task();
        }
    }

    /// The peer is silent for too long: there is nobody to shake hands with.
    pub(crate) fn abandon(&self) {
        // Under the lock, which the task takes after it has said how it is woken: so it either is
        // woken or has seen this.
        let state = self.state();
        self.abandoned.store(true, Ordering::Release);
        drop(state);
        self.wake_task();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// No code panics while it holds this lock.
    #[inline]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket has something to read.
impl Wake for Link {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.readable.store(true, Ordering::Release);
        self.wake_task();
    }
}
