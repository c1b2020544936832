//! Where a plain request is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Who has the request at present. Whoever waits for the response asks each time that it is polled: the
/// request is handed on within that poll.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU32>);

/// A stage of a request: it changes each time that the request is handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stage(u32);

/// Is set in a stage in which a middleware has the request.
const IN_MIDDLEWARE: u32 = 1;

impl Progress {
    /// The request is handed on, to a middleware or to somebody else.
    pub(crate) fn set_in_middleware(&self, is_in: bool) {
        let before = self.0.load(Ordering::Relaxed) & !IN_MIDDLEWARE;
        let stage = before.wrapping_add(2) | u32::from(is_in);
        self.0.store(stage, Ordering::Relaxed);
    }

    pub(crate) fn stage(&self) -> Stage {
        Stage(self.0.load(Ordering::Relaxed))
    }
}

impl Stage {
    pub(crate) fn is_in_middleware(self) -> bool {
        self.0 & IN_MIDDLEWARE != 0
    }
}
