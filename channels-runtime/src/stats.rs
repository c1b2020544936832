//! Counts of what happened, for those who watch a server.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why an event did not reach its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The mailbox was full: the new event was dropped.
    Newest,
    /// The mailbox was full: the oldest event made room.
    Oldest,
    /// The mailbox was full: a newer event of the same key took the place.
    Coalesced,
    /// The mailbox was full: the connection was closed.
    Closed,
    /// The consumer has no handler for the type.
    Unhandled,
    /// The payload is not what the handler takes.
    Undecodable,
}

impl DropReason {
    const COUNT: usize = 6;
}

/// Counters of one application.
#[derive(Debug, Default)]
pub struct Stats {
    dropped: [AtomicU64; DropReason::COUNT],
    panics: AtomicU64,
}

impl Stats {
    /// How many events were dropped for a reason.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// How many handlers, constructors of consumers, and other code that answers requests panicked:
    /// middleware, routers, HTTP applications.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// How many background tasks of this process panicked and were restarted: sweeps, heartbeats and
    /// readers of channel layers. All applications of the process share this count.
    pub fn task_restarts(&self) -> u64 {
        crate::supervise::restarts()
    }

    /// How many panics of other user code were caught: the `Drop` of an event, a `key(…)`, a receiver of
    /// a channel layer, a waker. All applications of the process share this count.
    pub fn isolated_panics(&self) -> u64 {
        crate::supervise::isolated_panics()
    }

    pub(crate) fn dropped(&self, reason: DropReason) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}
