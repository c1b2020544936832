//! The events that wait for one connection: bounded, with a declared policy for what is too much.

use std::sync::Arc;

use super::queue::Queue;
use crate::Event;
use crate::consumer::{Options, Overflow};
use crate::layer::Delivered;
use crate::limits::Limits;
use crate::log::log_limited;
use crate::memory::Account;
use crate::stats::{DropReason, Stats};
use crate::supervise::discard;

/// A queue that costs nothing while it is empty.
///
/// It lies behind a lock, and the `Drop` of an event is user code: so no method drops an event. What
/// leaves the queue without a handler is returned as [`Removed`].
#[derive(Debug)]
pub(crate) struct Mailbox {
    events: Queue<Waiting>,
    capacity: u32,
    overflow: Overflow,
    /// Memory that the events take. An event that others wait for as well counts in full.
    weight: usize,
    /// From this weight on, the mailbox is full. One event may be larger.
    max_weight: usize,
    /// What the events take in the total of all connections.
    account: Account,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    /// Equal for events of one type of which a newer one replaces an older one.
    key: u64,
    weight: usize,
}

/// An event on its way into a mailbox, with what is known of it only by user code: it is made before
/// the lock is taken.
pub(crate) struct Arriving<'a> {
    event: &'a Event,
    key: u64,
    weight: usize,
}

impl<'a> Arriving<'a> {
    /// `key` matters only where newer events replace older ones: those of one key are equal, and `None`
    /// is a key as well.
    pub(crate) fn new(event: &'a Event, key: Option<u64>) -> Self {
        Self {
            event,
            key: key.unwrap_or_default(),
            weight: event.weight(),
        }
    }
}

/// Events that left a mailbox without a handler: dropping it runs their `Drop`, each isolated from
/// the others. Declare it before the guard of the mailbox's lock, so that it is dropped after it.
#[derive(Debug, Default)]
#[must_use = "its events are dropped with it, after the lock is released"]
pub(crate) struct Removed(Queue<Waiting>);

impl Drop for Removed {
    fn drop(&mut self) {
        while let Some(waiting) = self.0.pop() {
            discard(EVENT_DROP, waiting.event);
        }
    }
}

/// What panics where the `Drop` of an event does.
pub(crate) const EVENT_DROP: &str = "the `Drop` of an event";

/// What became of a pushed event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// The event itself was dropped.
    DroppedNewest,
    /// The event is in; the oldest was dropped for it.
    DroppedOldest,
    /// The event is in; it replaced one of the same key.
    Coalesced,
    /// The event was dropped, and the connection has to be closed.
    MustClose,
}

impl Pushed {
    /// Under which reason the event that was lost is counted.
    fn drop_reason(self) -> Option<DropReason> {
        match self {
            Self::Queued => None,
            Self::DroppedNewest => Some(DropReason::Newest),
            Self::DroppedOldest => Some(DropReason::Oldest),
            Self::Coalesced => Some(DropReason::Coalesced),
            Self::MustClose => Some(DropReason::Closed),
        }
    }

    /// What the sender learns.
    pub(crate) fn delivered(self) -> Delivered {
        match self {
            Self::Queued | Self::Coalesced => Delivered::Queued,
            Self::DroppedOldest => Delivered::Displaced,
            Self::DroppedNewest | Self::MustClose => Delivered::Full,
        }
    }
}

/// What pushing an event has done. It is reported when the lock is released: tracing calls and the `Drop`
/// of events are user code.
#[must_use = "what was lost has to be counted and logged"]
pub(crate) struct Outcome {
    pushed: Pushed,
    removed: Removed,
    out_of_memory: bool,
}

impl Outcome {
    /// Counts and logs what was lost, and drops what was removed. No lock may be held.
    pub(crate) fn report(self, stats: &Stats, consumer: &str, event: &Event) -> Pushed {
        if self.out_of_memory {
            stats.memory().refuse("event for a consumer");
        }
        // Without a removed event, the one that came was dropped.
        let lost = self.removed.0.len().max(1);
        drop(self.removed);
        if let Some(reason) = self.pushed.drop_reason() {
            stats.dropped(reason, lost);
            log_overflow(consumer, event, reason);
        }
        self.pushed
    }
}

/// Logs that an event was lost for want of room, at a bounded rate. To replace an event by a newer
/// one of its key loses nothing.
fn log_overflow(consumer: &str, event: &Event, reason: DropReason) {
    if reason != DropReason::Coalesced {
        let event_type = event.event_type();
        log_limited!(warn, consumer, %event_type, ?reason, "mailbox full, event dropped");
    }
}

impl Mailbox {
    pub(crate) fn new(options: &Options, limits: &Limits, stats: Arc<Stats>) -> Self {
        Self {
            events: Queue::new(),
            capacity: u32::try_from(options.mailbox).unwrap_or(u32::MAX),
            overflow: options.overflow,
            weight: 0,
            max_weight: limits.mailbox_bytes,
            account: Account::new(stats),
        }
    }

    /// Queues an event, or does with it what the policy says.
    pub(crate) fn push(&mut self, arriving: &Arriving<'_>) -> Outcome {
        let mut removed = Removed::default();
        let has_room = self.has_room(arriving.weight);
        let out_of_memory = !has_room && self.account.memory().is_exhausted();
        let pushed = self.make_room(arriving, &mut removed);
        if matches!(
            pushed,
            Pushed::Queued | Pushed::DroppedOldest | Pushed::Coalesced
        ) {
            self.weight += arriving.weight;
            self.events.push(Waiting {
                event: arriving.event.clone(),
                key: arriving.key,
                weight: arriving.weight,
            });
        }
        self.account.settle(self.weight);
        Outcome {
            pushed,
            removed,
            out_of_memory,
        }
    }

    fn make_room(&mut self, arriving: &Arriving<'_>, removed: &mut Removed) -> Pushed {
        if self.has_room(arriving.weight) {
            return Pushed::Queued;
        }
        match self.overflow {
            Overflow::DropNewest => Pushed::DroppedNewest,
            Overflow::Close => Pushed::MustClose,
            Overflow::DropOldest => self.remove_oldest(arriving.weight, removed),
            Overflow::Coalesce => self.coalesce(arriving, removed),
        }
    }

    fn has_room(&self, weight: usize) -> bool {
        if self.events.is_empty() {
            return self.capacity > 0;
        }
        !self.account.memory().is_exhausted() && !self.is_full(weight)
    }

    /// Whether the mailbox itself has no room beside the events that it has.
    fn is_full(&self, weight: usize) -> bool {
        self.events.len() >= self.capacity as usize
            || self.weight.saturating_add(weight) > self.max_weight
    }

    fn remove_oldest(&mut self, weight: usize, removed: &mut Removed) -> Pushed {
        let mut freed = 0;
        // Where the server has no memory, as much goes as comes.
        while !self.has_room(weight)
            && (self.is_full(weight) || freed < weight)
            && let Some(oldest) = self.events.pop()
        {
            freed += oldest.weight;
            self.remove(oldest, removed);
        }
        Pushed::DroppedOldest
    }

    /// The newer event takes the end of the queue: it may not overtake what came before it.
    fn coalesce(&mut self, arriving: &Arriving<'_>, removed: &mut Removed) -> Pushed {
        // Events of one type have one handler, so keys of one type compare.
        let replaced = self.events.remove_first(|waiting| {
            waiting.event.event_type() == arriving.event.event_type() && waiting.key == arriving.key
        });
        if let Some(replaced) = replaced {
            self.remove(replaced, removed);
            if self.has_room(arriving.weight) {
                return Pushed::Coalesced;
            }
        }
        self.remove_oldest(arriving.weight, removed)
    }

    fn remove(&mut self, waiting: Waiting, removed: &mut Removed) {
        self.weight -= waiting.weight;
        removed.0.push(waiting);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<&Event> {
        self.events.front().map(|waiting| &waiting.event)
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let waiting = self.events.pop()?;
        self.weight -= waiting.weight;
        self.account.settle(self.weight);
        Some(waiting.event)
    }

    /// Takes all events out.
    pub(crate) fn clear(&mut self) -> Removed {
        self.weight = 0;
        self.account.settle(0);
        Removed(self.events.take())
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        drop(self.clear());
    }
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
