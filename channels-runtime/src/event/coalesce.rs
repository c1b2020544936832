//! Which events a newer one may replace.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Event, TypedEvent};

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
        // It is the user's own code, and the runtime holds its locks here.
        catch_unwind(AssertUnwindSafe(|| (self.0)(event))).unwrap_or_default()
    }
}

impl fmt::Debug for CoalesceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoalesceKey")
    }
}
