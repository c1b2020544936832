//! Calls of receivers, which may be user code: one that panics keeps the event from nobody else.

use std::sync::Arc;

use super::{Delivered, Delivery, Receiver};
use crate::Event;
use crate::log::{Excerpt, LogLimit};
use crate::supervise::isolate;

/// Hands an event to a receiver. One that panics has lost it: it counts as full.
#[inline]
pub(super) fn deliver(receiver: &Arc<dyn Receiver>, event: &Event) -> Delivered {
    isolate("a receiver of a channel", || receiver.deliver(event)).unwrap_or(Delivered::Full)
}

/// Logs how many members of a group have lost an event for want of room, at a bounded rate. The
/// receivers log which consumers they are.
#[inline]
pub(super) fn log_dropped(group: &str, event: &Event, delivery: Delivery) {
    if delivery.dropped > 0 {
        log(group, event, delivery);
    }
}

#[cold]
fn log(group: &str, event: &Event, delivery: Delivery) {
    static DROPS: LogLimit = LogLimit::new();
    if let Some(suppressed) = DROPS.permit() {
        let Delivery {
            matched, dropped, ..
        } = delivery;
        tracing::warn!(
            group = %Excerpt(group.as_bytes()),
            event_type = %event.event_type(),
            members = matched,
            dropped,
            suppressed,
            "members of a group dropped events: their mailboxes are full"
        );
    }
}
