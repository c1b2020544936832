//! Where a plain request is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a middleware has the request at present. Whoever waits for the response asks each time that it
/// is polled: the request is handed on within that poll.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicBool>);

impl Progress {
    pub(crate) fn set_in_middleware(&self, is_in: bool) {
        self.0.store(is_in, Ordering::Relaxed);
    }

    pub(crate) fn is_in_middleware(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
