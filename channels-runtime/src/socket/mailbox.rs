//! The events that wait for one connection: bounded, with a declared policy for what is too much.

use super::queue::Queue;
use crate::Event;
use crate::consumer::Overflow;
use crate::layer::Delivered;
use crate::log::LogLimit;
use crate::stats::DropReason;
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
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    /// Equal for events of one type of which a newer one replaces an older one.
    key: u64,
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
    pub(crate) fn drop_reason(self) -> Option<DropReason> {
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

/// Logs that an event was lost for want of room, at a bounded rate. To replace an event by a newer
/// one of its key loses nothing.
pub(crate) fn log_overflow(consumer: &str, event: &Event, reason: DropReason) {
    static OVERFLOWS: LogLimit = LogLimit::new();
    if reason == DropReason::Coalesced {
        return;
    }
    if let Some(suppressed) = OVERFLOWS.permit() {
        tracing::warn!(consumer, event_type = %event.event_type(), ?reason, suppressed, "mailbox full, event dropped");
    }
}

impl Mailbox {
    pub(crate) fn new(capacity: usize, overflow: Overflow) -> Self {
        Self {
            events: Queue::new(),
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
            overflow,
        }
    }

    /// Queues an event. `key` matters only where newer events replace older ones: those of one key
    /// are equal, and `None` is a key as well.
    pub(crate) fn push(&mut self, event: &Event, key: Option<u64>) -> (Pushed, Removed) {
        let key = key.unwrap_or_default();
        let mut removed = Removed::default();
        let pushed = if self.events.len() < self.capacity as usize {
            Pushed::Queued
        } else {
            match self.overflow {
                Overflow::DropNewest => return (Pushed::DroppedNewest, removed),
                Overflow::Close => return (Pushed::MustClose, removed),
                Overflow::DropOldest => self.remove_oldest(&mut removed),
                Overflow::Coalesce => self.coalesce(event, key, &mut removed),
            }
        };
        let event = event.clone();
        self.events.push(Waiting { event, key });
        (pushed, removed)
    }

    fn remove_oldest(&mut self, removed: &mut Removed) -> Pushed {
        if let Some(oldest) = self.events.pop() {
            removed.0.push(oldest);
        }
        Pushed::DroppedOldest
    }

    /// The newer event takes the end of the queue: it may not overtake what came before it.
    fn coalesce(&mut self, event: &Event, key: u64, removed: &mut Removed) -> Pushed {
        // Events of one type have one handler, so keys of one type compare.
        let replaced = self.events.remove_first(|waiting| {
            waiting.event.event_type() == event.event_type() && waiting.key == key
        });
        match replaced {
            Some(replaced) => {
                removed.0.push(replaced);
                Pushed::Coalesced
            }
            None => self.remove_oldest(removed),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<&Event> {
        self.events.front().map(|waiting| &waiting.event)
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.events.pop().map(|waiting| waiting.event)
    }

    /// Takes all events out.
    pub(crate) fn clear(&mut self) -> Removed {
        Removed(self.events.take())
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        drop(self.clear());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(event_type: &str, number: u32) -> Event {
        Event::new(event_type, json!({ "number": number })).expect("an event")
    }

    fn push(mailbox: &mut Mailbox, event_type: &str, number: u32) -> Pushed {
        mailbox.push(&event(event_type, number), None).0
    }

    fn drain(mailbox: &mut Mailbox) -> Vec<u64> {
        std::iter::from_fn(|| mailbox.pop())
            .map(|event| {
                event.to_json().expect("json")["number"]
                    .as_u64()
                    .expect("number")
            })
            .collect()
    }

    #[test]
    fn each_policy_keeps_what_it_says() {
        let cases = [
            (Overflow::DropNewest, Pushed::DroppedNewest, vec![1, 2]),
            (Overflow::DropOldest, Pushed::DroppedOldest, vec![2, 3]),
            (Overflow::Close, Pushed::MustClose, vec![1, 2]),
            (Overflow::Coalesce, Pushed::Coalesced, vec![2, 3]),
        ];
        for (overflow, pushed, left) in cases {
            let mut mailbox = Mailbox::new(2, overflow);
            assert_eq!(push(&mut mailbox, "same.type", 1), Pushed::Queued);
            assert_eq!(push(&mut mailbox, "other.type", 2), Pushed::Queued);
            assert_eq!(push(&mut mailbox, "same.type", 3), pushed, "{overflow:?}");
            assert_eq!(drain(&mut mailbox), left, "{overflow:?}");
        }
    }

    #[test]
    fn without_an_event_of_its_key_the_oldest_makes_room() {
        let mut mailbox = Mailbox::new(1, Overflow::Coalesce);
        push(&mut mailbox, "one.type", 1);
        assert_eq!(push(&mut mailbox, "other.type", 2), Pushed::DroppedOldest);
        assert_eq!(drain(&mut mailbox), [2]);
    }
}
