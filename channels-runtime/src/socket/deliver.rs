//! How events come to a connection: into its mailbox, or past it where they are only relayed.

use std::mem;

use super::link::{Link, Phase, State};
use super::mailbox::{Arriving, EVENT_DROP, Pushed};
use crate::consumer::table::Route;
use crate::consumer::{Mode, Relay};
use crate::event::CoalesceKey;
use crate::handler_threads::Client as _;
use crate::layer::{Delivered, Receiver};
use crate::supervise::discard;
use crate::transport::Frame;
use crate::{Error, Event};

impl Receiver for Link {
    fn deliver(&self, event: &Event) -> Delivered {
        let Some(route) = self.table.find(event.event_type()) else {
            self.stats.unhandled(event.event_type());
            return Delivered::Queued;
        };
        let relayed = match route.mode {
            Mode::Relay(relay) => match self.frame(relay, event) {
                Some(frame) => self.relay(frame),
                None => return Delivered::Queued,
            },
            Mode::Async | Mode::Blocking => None,
        };
        relayed.unwrap_or_else(|| self.enqueue(event, route.key))
    }

    fn max_groups(&self) -> usize {
        self.max_groups as usize
    }
}

impl Link {
    /// Queues a relayed event's frame where nothing is before it: no event that waits, no handler
    /// that runs. Elsewhere it takes its place among the events.
    fn relay(&self, frame: Frame) -> Option<Delivered> {
        let mut state = self.state();
        match state.phase {
            Phase::Over => return Some(Delivered::Closed),
            Phase::Connecting => return None,
            Phase::Open => {}
        }
        if state.busy || !state.mailbox.is_empty() || state.outbound.is_full() {
            return None;
        }
        state.outbound.push(frame);
        let flushing = mem::replace(&mut state.flushing, true);
        drop(state);
        if !flushing {
            self.leave_to_flusher();
        }
        Some(Delivered::Queued)
    }

    fn enqueue(&self, event: &Event, key: CoalesceKey) -> Delivered {
        let key = if self.coalesces { key.of(event) } else { None };
        let arriving = Arriving::new(event, key);
        let outcome;
        let mut state = self.state();
        if state.phase == Phase::Over {
            return Delivered::Closed;
        }
        outcome = state.mailbox.push(&arriving);
        drop(state);
        let pushed = outcome.report(&self.stats, (self.consumer)(), event);
        if pushed == Pushed::MustClose {
            self.disconnect();
        }
        self.wake_task();
        pushed.delivered()
    }

    /// The next event that has a handler, after those that are only relayed.
    pub(crate) fn next_event(&self) -> Option<(Route, Event)> {
        let mut relayed = false;
        let mut state = self.state();
        let was_busy = state.busy;
        let next = loop {
            let Some((route, event)) = self.pop(&mut state) else {
                break None;
            };
            let relay = match route.map(|route| route.mode) {
                Some(Mode::Relay(relay)) => Some(relay),
                _ => None,
            };
            if let (Some(route), None) = (route, relay) {
                break Some((route, event));
            }
            // Without the lock, for encoding and dropping are user code. Meanwhile nothing is relayed
            // before this event.
            state.busy = true;
            drop(state);
            let frame = relay.and_then(|relay| self.frame(relay, &event));
            discard(EVENT_DROP, event);
            state = self.state();
            if let (Some(frame), Phase::Open) = (frame, state.phase) {
                state.outbound.push(frame);
                relayed = true;
            }
        };
        // In the same breath: nothing may be relayed before what the event's handler sends.
        state.busy = was_busy || next.is_some();
        let is_new = relayed && !mem::replace(&mut state.flushing, true);
        drop(state);
        if is_new {
            self.leave_to_flusher();
        }
        next
    }

    /// The next event and its line of the table, unless it is to be relayed and there is no room.
    fn pop(&self, state: &mut State) -> Option<(Option<Route>, Event)> {
        let route = self.table.find(state.mailbox.peek()?.event_type());
        let is_relayed = route.is_some_and(|route| matches!(route.mode, Mode::Relay(_)));
        if is_relayed && state.outbound.is_full() {
            return None;
        }
        Some((route, state.mailbox.pop()?))
    }

    fn frame(&self, relay: Relay, event: &Event) -> Option<Frame> {
        relay
            .frame(event)
            .inspect_err(|error| self.undecodable(error))
            .ok()
    }

    /// Counts an event whose payload is not what its handler takes.
    #[cold]
    pub(crate) fn undecodable(&self, error: &Error) {
        self.stats.undecodable(error);
    }
}
