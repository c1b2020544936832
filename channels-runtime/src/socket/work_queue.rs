//! The queue between the tasks that have work and the one task that does it.

use std::future::poll_fn;
use std::mem;
use std::sync::PoisonError;
use std::task::{Context, Poll};

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{AtomicWaker, Mutex};

/// A queue with many producers and one consumer. Its consumer takes all items at once.
///
/// # No wake-up is lost
///
/// | producer | consumer |
/// |---|---|
/// | 1. add the item, under the lock | 1. register the waker |
/// | 2. wake, if the item is the first one | 2. look for items, under the lock |
///
/// If the consumer looks before the item is added, it has registered its waker before, and the
/// producer finds it. `models/` checks this.
#[derive(Debug)]
pub(crate) struct WorkQueue<T> {
    items: Mutex<Vec<T>>,
    task: AtomicWaker,
    ended: AtomicBool,
}

impl<T> WorkQueue<T> {
    /// Adds an item for the consumer. Returns it if there is no consumer anymore.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let is_first = {
            let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            if self.ended.load(Ordering::Acquire) {
                return Err(item);
            }
            items.push(item);
            items.len() == 1
        };
        if is_first {
            self.task.wake();
        }
        Ok(())
    }

    /// Waits for items. Returns false once [`stop`](Self::stop) was called.
    pub(crate) async fn wait(&self) -> bool {
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    fn poll_wait(&self, cx: &Context<'_>) -> Poll<bool> {
        self.task.register(cx.waker());
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ended.load(Ordering::Acquire) {
            Poll::Ready(false)
        } else if items.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(true)
        }
    }

    /// Exchanges the items for an empty list, whose memory is used again.
    pub(crate) fn take(&self, batch: &mut Vec<T>) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *items, batch);
    }

    /// Returns items that were taken and not done. They are done before newer ones.
    pub(crate) fn put_back(&self, left: &mut Vec<T>) {
        if left.is_empty() {
            return;
        }
        // The consumer takes items from the end of its batch.
        left.reverse();
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        left.append(&mut items);
        mem::swap(&mut *items, left);
    }

    /// Tells the consumer to stop.
    pub(crate) fn stop(&self) {
        self.ended.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Ends the queue for its consumer and returns the items that are left: from now on producers
    /// get their items back.
    pub(crate) fn end(&self) -> Vec<T> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.store(true, Ordering::Release);
        mem::take(&mut items)
    }
}

impl<T> Default for WorkQueue<T> {
    fn default() -> Self {
        Self {
            items: Mutex::new(Vec::new()),
            task: AtomicWaker::new(),
            ended: AtomicBool::new(false),
        }
    }
}
