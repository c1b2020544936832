//! The pauses between attempts to connect.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause after a failed attempt, and the longest: each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When the next attempt may be made: later after each one that failed, and never for all servers
/// at the same time.
#[derive(Debug)]
pub(crate) struct Backoff {
    until: Instant,
    failures: usize,
    longest: Duration,
}

impl Backoff {
    /// Pauses are so short that nobody who waits for `patience` sees no attempt.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            until: Instant::now(),
            failures: 0,
            longest: LONGEST_PAUSE.min(patience / 2),
        }
    }

    /// Notes a failed attempt, and says how many there were before it.
    pub(crate) fn failed(&mut self) -> usize {
        let doubled = FIRST_PAUSE * (1 << self.failures.min(6));
        let most = doubled.min(self.longest);
        let half = u32::MAX / 2;
        // Without random bytes, all of it.
        let random = getrandom::u32().unwrap_or(u32::MAX) / 2;
        let pause = most.mul_f64(f64::from(half + random) / f64::from(u32::MAX));
        self.until = Instant::now() + pause;
        self.failures += 1;
        self.failures - 1
    }

    pub(crate) fn succeeded(&mut self) {
        self.until = Instant::now();
        self.failures = 0;
    }

    /// When the next attempt may be made.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}
