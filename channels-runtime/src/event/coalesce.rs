//! Which events a newer one may replace.

use std::fmt;

use super::{Event, TypedEvent};
use crate::supervise::isolate;

/// What two events of one type share when the newer one may replace the older in a full mailbox.
///
/// An event of another program knows of no key: the handler that takes it does.
#[derive(Clone, Copy)]
pub struct CoalesceKey(fn(&Event) -> Option<u64>);

impl CoalesceKey {
    /// The key of the value that was sent, if it is a typed event's.
    pub(crate) const OWN: Self = Self(Event::own_key);

    /// The key of the payload as `E`. What is no `E` has none.
    pub(crate) const fn typed<E: TypedEvent>() -> Self {
        Self(|event| event.get::<E>().ok()?.coalesce_key())
    }

    pub(crate) fn of(self, event: &Event) -> Option<u64> {
        // User code: a `Deserialize` and a `Hash`. No lock may be held here.
        isolate("the `key(…)` of an event", || (self.0)(event)).flatten()
    }
}

impl fmt::Debug for CoalesceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoalesceKey")
    }
}
