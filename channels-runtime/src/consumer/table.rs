//! A consumer's dispatch table, built while the consumer compiles.

use std::fmt;

use crate::event::{CoalesceKey, EventType, event_type_hash};
use crate::transport::Frame;
use crate::{Event, Result, TypedEvent};

/// The handlers of one consumer: which method takes which protocol event or event type.
///
/// Finding a handler hashes nothing (an event type carries its hash) and allocates nothing; its
/// cost does not grow with the number of handlers.
#[derive(Debug)]
pub struct Table {
    entries: &'static [Entry],
    /// An open-addressed hash table of positions in `entries`, one more than the position; 0 is
    /// an empty slot. At most half of the slots are taken.
    slots: &'static [u16],
    hooks: [Option<Route>; Hook::COUNT],
    fallback: Option<Route>,
    relays: bool,
}

/// One line of the table, as the macro writes it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    key: Key,
    route: Route,
}

#[derive(Clone, Copy, Debug)]
enum Key {
    Hook(Hook),
    Event { name: &'static str, hash: u32 },
    Fallback,
}

/// Which method runs, and how.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method's number in the impl block.
    pub(crate) handler: u16,
    /// How the method runs.
    pub(crate) mode: Mode,
    /// Which events it need not get where a newer one waits.
    pub(crate) key: CoalesceKey,
}

impl Route {
    const fn new(handler: u16, mode: Mode) -> Self {
        Self {
            handler,
            mode,
            key: CoalesceKey::OWN,
        }
    }
}

/// How a handler runs.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "written by the macro of the same version"
)]
pub enum Mode {
    /// An `async fn`, in the connection's task.
    Async,
    /// A plain `fn`, on a thread that may block.
    Blocking,
    /// Not at all: it would send the event as it is, so the runtime does.
    Relay(Relay),
}

/// How a relayed event becomes the frame that every receiver gets.
#[derive(Clone, Copy)]
pub struct Relay(fn(&Event) -> Result<Frame>);

impl Relay {
    /// The event's payload as JSON, encoded once for all receivers.
    pub const fn json<E: TypedEvent>() -> Self {
        Self(Event::frame::<E>)
    }

    pub(crate) fn frame(self, event: &Event) -> Result<Frame> {
        (self.0)(event)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relay")
    }
}

/// The protocol's own events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "written by the macro of the same version"
)]
pub enum Hook {
    /// `websocket.connect`
    Connect,
    /// `websocket.receive`
    Receive,
    /// `websocket.disconnect`, `http.disconnect`
    Disconnect,
    /// `http.request`
    Request,
}

impl Hook {
    const COUNT: usize = 4;
}

impl Entry {
    /// A method that takes an event of the protocol.
    pub const fn hook(hook: Hook, handler: u16, mode: Mode) -> Self {
        Self {
            key: Key::Hook(hook),
            route: Route::new(handler, mode),
        }
    }

    /// A method that takes the events of a type.
    pub const fn event(name: &'static str, handler: u16, mode: Mode) -> Self {
        let key = Key::Event {
            name,
            hash: event_type_hash(name),
        };
        Self {
            key,
            route: Route::new(handler, mode),
        }
    }

    /// With the key of the event that the method takes.
    #[must_use]
    pub const fn key(mut self, key: CoalesceKey) -> Self {
        self.route.key = key;
        self
    }

    /// The method that takes what no other does.
    pub const fn fallback(handler: u16, mode: Mode) -> Self {
        Self {
            key: Key::Fallback,
            route: Route::new(handler, mode),
        }
    }
}

impl Table {
    /// Puts a table together; the slots are those of [`table_slots`] for the same entries.
    ///
    /// (Two entries of the same event are reported by the macro.)
    pub const fn new(entries: &'static [Entry], slots: &'static [u16]) -> Self {
        let mut hooks = [None; Hook::COUNT];
        let mut fallback = None;
        let mut relays = false;
        let mut at = 0;
        while at < entries.len() {
            let Entry { key, route } = entries[at];
            relays = relays || matches!(route.mode, Mode::Relay(_));
            match key {
                Key::Hook(hook) => hooks[hook as usize] = Some(route),
                Key::Fallback => fallback = Some(route),
                Key::Event { .. } => {}
            }
            at += 1;
        }
        Self {
            entries,
            slots,
            hooks,
            fallback,
            relays,
        }
    }

    /// Whether any event is relayed.
    pub(crate) fn relays(&self) -> bool {
        self.relays
    }

    /// The method for an event of the protocol.
    pub(crate) fn hook(&self, hook: Hook) -> Option<Route> {
        self.hooks[hook as usize]
    }

    /// The method for an event of a layer: its own, else the fallback.
    pub fn find(&self, event_type: &EventType) -> Option<Route> {
        let hash = event_type.hash();
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let position = self.slots[slot];
            if position == 0 {
                return self.fallback;
            }
            let entry = &self.entries[usize::from(position) - 1];
            if let Key::Event { name, hash: own } = entry.key
                && own == hash
                && event_type.is(name)
            {
                return Some(entry.route);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Whether any event of a layer has a handler.
    pub(crate) fn takes_events(&self) -> bool {
        self.fallback.is_some() || self.event_types().next().is_some()
    }

    /// The event types that the consumer handles, in the order of the impl block.
    pub fn event_types(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().filter_map(|entry| match entry.key {
            Key::Event { name, .. } => Some(name),
            Key::Hook(_) | Key::Fallback => None,
        })
    }
}

/// How many slots a table of so many entries has: a power of two, at least twice as many.
pub const fn table_size(entries: usize) -> usize {
    (entries * 2 + 1).next_power_of_two()
}

/// Hashes the entries into slots.
pub const fn table_slots<const SLOTS: usize>(entries: &[Entry]) -> [u16; SLOTS] {
    let mut slots = [0; SLOTS];
    let mut at = 0;
    while at < entries.len() {
        if let Key::Event { hash, .. } = entries[at].key {
            let mut slot = hash as usize & (SLOTS - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (SLOTS - 1);
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "handlers are numbered by u16"
            )]
            let position = at as u16 + 1;
            slots[slot] = position;
        }
        at += 1;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: &[Entry] = &[
        Entry::hook(Hook::Receive, 0, Mode::Async),
        Entry::event("call.back", 1, Mode::Async),
        Entry::event("call.again", 2, Mode::Blocking),
        Entry::event("a", 3, Mode::Async),
    ];
    const SLOTS: [u16; table_size(ENTRIES.len())] = table_slots(ENTRIES);
    static TABLE: Table = Table::new(ENTRIES, &SLOTS);

    fn find(name: &str) -> Option<u16> {
        TABLE
            .find(&EventType::new(name).expect("a type"))
            .map(|route| route.handler)
    }

    #[test]
    fn each_type_finds_its_own_handler_and_no_other() {
        assert_eq!(find("call.back"), Some(1));
        assert_eq!(find("call_back"), Some(1));
        assert_eq!(find("call.again"), Some(2));
        assert_eq!(find("a"), Some(3));
        assert_eq!(find("call.backs"), None);
        assert_eq!(find("receive"), None);
        assert_eq!(
            TABLE.hook(Hook::Receive).map(|route| route.handler),
            Some(0)
        );
        assert!(TABLE.hook(Hook::Connect).is_none());
        assert!(TABLE.event_types().eq(["call.back", "call.again", "a"]));
    }

    #[test]
    fn an_empty_table_finds_its_fallback() {
        static NONE: Table = Table::new(&[], &[0]);
        static FALLBACK: Table =
            Table::new(const { &[Entry::fallback(7, Mode::Async)] }, &[0, 0, 0, 0]);
        let event_type = EventType::new("anything").expect("a type");
        assert!(NONE.find(&event_type).is_none());
        assert_eq!(
            FALLBACK.find(&event_type).map(|route| route.handler),
            Some(7)
        );
    }
}
