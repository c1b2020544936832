//! What consumers are told when they may have missed something.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Event, Result};

/// The event `layer.gap`: nothing is known of what was sent since then.
///
/// # Errors
///
/// None in practice: its type is allowed and its payload a map.
pub(crate) fn gap(since: SystemTime) -> Result<Event> {
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    Event::new(
        "layer.gap",
        serde_json::json!({ "since": since.as_secs_f64() }),
    )
}
