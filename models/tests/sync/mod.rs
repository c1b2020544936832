//! What `channels-runtime/src/sync.rs` has, over loom.

use std::task::Waker;

pub(crate) use loom::sync::Mutex;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
}

use atomic::{AtomicBool, Ordering};

/// loom's, with the signature of `futures-util`'s.
pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

impl AtomicWaker {
    pub(crate) fn new() -> Self {
        Self(loom::future::AtomicWaker::new())
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.0.register_by_ref(waker);
    }

    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}

impl std::fmt::Debug for AtomicWaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtomicWaker")
    }
}

/// `std`'s cell, whose calls are steps between which loom may change threads. The flag has the
/// orderings that `std` promises: who gets a value sees what was written before it was set.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    cell: std::sync::OnceLock<T>,
    is_set: AtomicBool,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            cell: std::sync::OnceLock::new(),
            is_set: AtomicBool::new(false),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // A thread may see the flag late, as it may see a value late.
        self.is_set
            .load(Ordering::Acquire)
            .then(|| self.cell.get())?
    }

    pub(crate) fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
        if !self.is_set.load(Ordering::Acquire) {
            self.is_set.swap(true, Ordering::AcqRel);
        }
        self.cell.get_or_init(value)
    }
}
