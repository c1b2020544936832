//! How events come to a connection: into its mailbox, or past it where they are only relayed.

use std::mem;

use super::link::{Link, Phase, State};
use super::mailbox::Pushed;
use crate::consumer::table::Route;
use crate::consumer::{DisconnectedBy, Mode};
use crate::event::CoalesceKey;
use crate::layer::{Delivered, Receiver};
use crate::stats::DropReason;
use crate::transport::Frame;
use crate::{CloseCode, CloseFrame, Error, Event};

impl Receiver for Link {
    fn deliver(&self, event: &Event) -> Delivered {
        let Some(route) = self.table.find(event.event_type()) else {
            self.stats.dropped(DropReason::Unhandled);
            tracing::debug!(event_type = %event.event_type(), "an event that nobody handles");
            return Delivered::Queued;
        };
        let relayed = match route.mode {
            Mode::Relay(relay) => match relay.frame(event) {
                Ok(frame) => self.relay(frame),
                Err(error) => {
                    self.undecodable(&error);
                    return Delivered::Queued;
                }
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
        let mut state = self.state();
        if state.phase == Phase::Over {
            return Delivered::Closed;
        }
        let pushed = state.mailbox.push(event, key);
        drop(state);
        if let Some(reason) = pushed.drop_reason() {
            self.stats.dropped(reason);
        }
        if pushed == Pushed::MustClose {
            let frame = CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "too slow");
            self.close(frame, DisconnectedBy::Limit);
        }
        self.wake_task();
        pushed.delivered()
    }

    /// The next event that has a handler, after those that are only relayed.
    pub(crate) fn next_event(&self) -> Option<(Route, Event)> {
        let mut state = self.state();
        let mut relayed = false;
        let next = self.relay_up_to_next(&mut state, &mut relayed);
        // In the same breath: nothing may be relayed before what the event's handler sends.
        state.busy |= next.is_some();
        let is_new = relayed && !mem::replace(&mut state.flushing, true);
        drop(state);
        if is_new {
            self.leave_to_flusher();
        }
        next
    }

    fn relay_up_to_next(&self, state: &mut State, relayed: &mut bool) -> Option<(Route, Event)> {
        loop {
            let event = state.mailbox.peek()?;
            let route = self.table.find(event.event_type());
            match route.map(|route| route.mode) {
                Some(Mode::Relay(_)) if state.outbound.is_full() => return None,
                Some(Mode::Relay(relay)) => {
                    let frame = relay.frame(event);
                    state.mailbox.pop();
                    match frame {
                        Ok(frame) => {
                            state.outbound.push(frame);
                            *relayed = true;
                        }
                        Err(error) => self.undecodable(&error),
                    }
                }
                _ => {
                    let event = state.mailbox.pop()?;
                    if let Some(route) = route {
                        return Some((route, event));
                    }
                }
            }
        }
    }

    /// Counts an event whose payload is not what its handler takes.
    #[cold]
    pub(crate) fn undecodable(&self, error: &Error) {
        self.stats.dropped(DropReason::Undecodable);
        tracing::warn!(%error, source = error.source_text(), "an event does not decode");
    }
}
