//! Counts of what happened, for those who watch a server.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::drops::DropLog;
use crate::log::Excerpt;
use crate::memory::Memory;
use crate::{Error, EventType};

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
    memory: Memory,
    log: DropLog,
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

    /// Bytes that are queued at present for all connections together: messages in part or as a whole
    /// that wait for a handler, frames and chunks that clients have not read, bodies of requests. Of
    /// each of these, less than 2 KiB for one connection are not counted. See
    /// [`Limits::memory_bytes`](crate::Limits::memory_bytes).
    pub fn queued_bytes(&self) -> usize {
        self.memory.used()
    }

    /// How many handshakes, requests, messages and connections were refused or closed because
    /// [`Limits::memory_bytes`](crate::Limits::memory_bytes) was reached.
    pub fn memory_refusals(&self) -> u64 {
        self.memory.refusals()
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn dropped(&self, reason: DropReason, events: usize) {
        self.dropped[reason as usize].fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Counts an event whose payload is not what its handler takes, and logs the first one of each
    /// type and reason.
    #[cold]
    pub(crate) fn undecodable(&self, error: &Error) {
        self.dropped(DropReason::Undecodable, 1);
        let source = error.source_text();
        if let Some(suppressed) = self.log.permit(&source) {
            let source = Excerpt(source.as_bytes());
            tracing::warn!(%error, %source, suppressed, "event dropped: its payload does not decode");
        }
    }

    /// Counts an event for which a consumer has no handler, and logs the first one of each type.
    ///
    /// The layers' own events are for those who ask for them.
    #[cold]
    pub(crate) fn unhandled(&self, event_type: &EventType) {
        self.dropped(DropReason::Unhandled, 1);
        if event_type.as_str().starts_with("layer.") {
            return;
        }
        if let Some(suppressed) = self.log.permit(event_type.as_str()) {
            tracing::warn!(%event_type, suppressed, "event dropped: the consumer has no handler for its type");
        }
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}
