//! What a timer sends again and again.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use super::erased::{Decoded, Encoded, ErasedEvent};
use super::{Event, EventType, Fields};
use crate::Result;

/// An event that is somewhere once at most: it waits for its handler, is being handled, or is back.
#[derive(Debug)]
pub(crate) struct Tick(Event);

impl Tick {
    pub(crate) fn new(event: Event) -> Self {
        Self(Event(Arc::new(Repeated(event))))
    }

    /// The event to deliver, unless the last one is not back yet.
    pub(crate) fn next(&self) -> Option<&Event> {
        (Arc::strong_count(&self.0.0) == 1).then_some(&self.0)
    }
}

/// The event in a form that only the timer, the mailbox and the call of a handler have: a handler
/// gets the event itself, of which it, or who sent it, may keep as many clones as it likes.
struct Repeated(Event);

impl ErasedEvent for Repeated {
    fn event_type(&self) -> &EventType {
        self.0.0.event_type()
    }

    fn fields(&self) -> Result<Cow<'_, Fields>> {
        self.0.0.fields()
    }

    fn check_decodes(&self, fields: &Fields) -> Result {
        self.0.0.check_decodes(fields)
    }

    fn own_key(&self) -> Option<u64> {
        self.0.0.own_key()
    }

    fn weight(&self) -> usize {
        self.0.0.weight()
    }

    fn decoded(&self) -> &Decoded {
        self.0.0.decoded()
    }

    fn encoded(&self) -> &Encoded {
        self.0.0.encoded()
    }

    fn holds(&self, address: *const (), type_name: &str) -> bool {
        self.0.0.holds(address, type_name)
    }

    fn as_any(&self) -> &dyn Any {
        self.0.0.as_any()
    }

    fn repeated(&self) -> Option<&Event> {
        Some(&self.0)
    }
}
