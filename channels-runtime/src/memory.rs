//! The memory that queued data of all connections takes together, and its limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::limits::Limits;
use crate::log::LogLimit;
use crate::stats::Stats;

/// Differences below this many bytes are not accounted. An idle socket takes about as much, and a
/// queue of a few short messages changes too often to touch a counter that all threads share.
const STEP: usize = 2048;

/// The total of an application, see [`Limits::memory_bytes`].
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicUsize,
    limit: AtomicUsize,
    refusals: AtomicU64,
    refusal_log: LogLimit,
}

impl Memory {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            refusals: AtomicU64::new(0),
            refusal_log: LogLimit::new(),
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Bytes that are queued.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// How often something was refused because the limit was reached.
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Whether the limit is reached.
    #[inline]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.used() >= self.limit.load(Ordering::Relaxed)
    }

    /// Counts and logs a refusal.
    #[cold]
    pub(crate) fn refuse(&self, what: &'static str) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        if let Some(suppressed) = self.refusal_log.permit() {
            tracing::warn!(
                what,
                used = self.used(),
                limit = self.limit.load(Ordering::Relaxed),
                suppressed,
                "memory limit reached, refusing"
            );
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Limits::default().memory_bytes)
    }
}

/// What one queue has in the total. Dropping it takes that out again.
#[derive(Debug)]
pub(crate) struct Account {
    stats: Arc<Stats>,
    charged: usize,
}

impl Account {
    pub(crate) fn new(stats: Arc<Stats>) -> Self {
        Self { stats, charged: 0 }
    }

    pub(crate) fn memory(&self) -> &Memory {
        self.stats.memory()
    }

    /// Accounts for what the queue takes now. Differences of less than 2 KiB are left out.
    #[inline]
    pub(crate) fn settle(&mut self, bytes: usize) {
        if bytes.abs_diff(self.charged) >= STEP {
            self.charge(bytes);
        }
    }

    fn charge(&mut self, bytes: usize) {
        let used = &self.stats.memory().used;
        if bytes > self.charged {
            used.fetch_add(bytes - self.charged, Ordering::Relaxed);
        } else {
            used.fetch_sub(self.charged - bytes, Ordering::Relaxed);
        }
        self.charged = bytes;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.charge(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_what_is_queued() {
        let stats = Arc::new(Stats::default());
        stats.memory().set_limit(10_000);
        let mut one = Account::new(Arc::clone(&stats));
        let mut other = Account::new(Arc::clone(&stats));
        one.settle(STEP - 1);
        assert_eq!(stats.memory().used(), 0, "small queues are not accounted");
        one.settle(6000);
        other.settle(4000);
        assert_eq!(stats.memory().used(), 10_000);
        assert!(stats.memory().is_exhausted());
        one.settle(0);
        assert_eq!(stats.memory().used(), 4000);
        drop(other);
        assert_eq!(stats.memory().used(), 0);
    }
}
