//! The events that wait for one connection: bounded, with a declared policy for what is too much.

use super::queue::Queue;
use crate::Event;
use crate::consumer::Overflow;
use crate::event::CoalesceKey;
use crate::layer::Delivered;
use crate::stats::DropReason;

/// A queue that costs nothing while it is empty.
#[derive(Debug)]
pub(crate) struct Mailbox {
    events: Queue<Event>,
    capacity: usize,
    overflow: Overflow,
}

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

impl Mailbox {
    pub(crate) fn new(capacity: usize, overflow: Overflow) -> Self {
        Self {
            events: Queue::new(),
            capacity,
            overflow,
        }
    }

    /// Queues an event, whose key is asked for only where there is no room.
    pub(crate) fn push(&mut self, event: &Event, key: CoalesceKey) -> Pushed {
        if self.events.len() < self.capacity {
            self.events.push(event.clone());
            return Pushed::Queued;
        }
        match self.overflow {
            Overflow::DropNewest => Pushed::DroppedNewest,
            Overflow::Close => Pushed::MustClose,
            Overflow::DropOldest => self.replace_oldest(event),
            Overflow::Coalesce => self.coalesce(event, key),
        }
    }

    fn replace_oldest(&mut self, event: &Event) -> Pushed {
        self.events.pop();
        self.events.push(event.clone());
        Pushed::DroppedOldest
    }

    /// The newer event takes the end of the queue: it may not overtake what came before it.
    fn coalesce(&mut self, event: &Event, key: CoalesceKey) -> Pushed {
        let own = key.of(event);
        // Events of one type have one handler, so the key is theirs too.
        let replaced = self.events.remove_first(|waiting| {
            waiting.event_type() == event.event_type() && key.of(waiting) == own
        });
        match replaced {
            Some(_) => {
                self.events.push(event.clone());
                Pushed::Coalesced
            }
            None => self.replace_oldest(event),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<&Event> {
        self.events.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.events.pop()
    }

    pub(crate) fn clear(&mut self) {
        self.events.clear();
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
        mailbox.push(&event(event_type, number), CoalesceKey::OWN)
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
