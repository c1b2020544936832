//! How a connection's task is notified of what happens outside of it.

use std::task::Waker;

use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The waker of a connection's task and the flags that it looks at when it is woken.
///
/// # No signal is lost
///
/// | another thread | the task |
/// |---|---|
/// | 1. set the flag | 1. register the waker |
/// | 2. wake the task | 2. look at the flag |
///
/// Both orders of the first steps are safe, but only if the steps of the two sides are ordered by
/// something else than these two variables: the flag and the waker are read by different threads.
/// For `readable` this is the socket, which knows its waker only after the task has registered.
/// For `abandoned` this is the lock of the link: it is set under the lock, and read after the task
/// has held it. `models/` checks both.
#[derive(Debug)]
pub(super) struct Signals {
    /// Wakes the task. Set by its first poll: a task has the same waker all its life.
    task: OnceLock<Waker>,
    /// Whether the socket may have something to read. The socket wakes the link, so that a task that
    /// was woken by something else need not ask.
    readable: AtomicBool,
    /// Whether the handshake was given up by the client, or by its deadline.
    abandoned: AtomicBool,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self {
            task: OnceLock::new(),
            readable: AtomicBool::new(true),
            abandoned: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(super) fn register(&self, waker: &Waker) {
        let known = self.task.get_or_init(|| waker.clone());
        debug_assert!(known.will_wake(waker), "a task has one waker");
    }

    pub(super) fn wake(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// The socket may have something to read.
    pub(super) fn set_readable(&self) {
        self.readable.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the socket may have something to read since it had nothing.
    #[inline]
    pub(super) fn take_readable(&self) -> bool {
        self.readable.load(Ordering::Relaxed) && self.readable.swap(false, Ordering::Acquire)
    }

    /// The same without a change.
    pub(super) fn is_readable(&self) -> bool {
        self.readable.load(Ordering::Acquire)
    }

    /// The handshake or the connection is given up. Call it under the lock of the link, then wake
    /// the task without the lock.
    pub(super) fn set_abandoned(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }
}
