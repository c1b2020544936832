//! What consumers are told when they may have missed something.

use std::time::SystemTime;

use crate::{Event, Result};

/// The event `layer.gap`: nothing is known of what was sent since then.
///
/// # Errors
///
/// As [`Event::gap`].
pub(crate) fn gap(since: SystemTime) -> Result<Event> {
    Event::gap(since)
}
