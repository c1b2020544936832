//! Background tasks that outlive a panic, and user code that cannot end one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

/// Pause before the first restart; doubles with each panic.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A task that ran this long before it panicked is restarted after the first pause again.
const STABLE: Duration = Duration::from_secs(60);

static RESTARTS: AtomicU64 = AtomicU64::new(0);

/// How many background tasks of this process panicked and were restarted.
pub(crate) fn restarts() -> u64 {
    RESTARTS.load(Ordering::Relaxed)
}

/// Runs a background task until it returns. A task that panics is logged, counted and started
/// again, after a pause that grows while it keeps panicking.
///
/// `start` makes the task's future; state that has to outlive a panic belongs outside of it.
///
/// # Cancel safety
///
/// Dropping the future drops the task.
pub(crate) async fn supervise<F>(name: &'static str, mut start: impl FnMut() -> F) -> F::Output
where
    F: Future,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        match AssertUnwindSafe(async { start().await })
            .catch_unwind()
            .await
        {
            Ok(output) => return output,
            Err(panic) => {
                RESTARTS.fetch_add(1, Ordering::Relaxed);
                let panic = panic_message(&*panic);
                if started.elapsed() >= STABLE {
                    pause = FIRST_PAUSE;
                }
                tracing::error!(
                    task = name,
                    panic,
                    ?pause,
                    "background task panicked, restarting"
                );
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Calls code of a user that runs inside a shared task. Returns `None` after a panic, which is
/// logged with `what`.
pub(crate) fn isolate<T>(what: &'static str, call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(panic) => {
            tracing::error!(panic = panic_message(&*panic), "{what} panicked");
            None
        }
    }
}

/// The message of a panic, where it has one.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    if let Some(message) = panic.downcast_ref::<&str>() {
        message
    } else if let Some(message) = panic.downcast_ref::<String>() {
        message
    } else {
        "(no message)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_restarted_until_it_returns() {
        let (before, begun) = (restarts(), Instant::now());
        let mut runs = 0;
        let output = supervise("test", || {
            runs += 1;
            async move {
                assert!(runs > 3, "run {runs}");
                runs
            }
        })
        .await;
        assert_eq!(output, 4);
        assert!(restarts() >= before + 3);
        assert_eq!(begun.elapsed(), FIRST_PAUSE * (1 + 2 + 4));
    }

    #[test]
    fn user_code_that_panics_returns_none() {
        assert_eq!(isolate("a receiver", || 1), Some(1));
        assert_eq!(isolate("a receiver", || -> u8 { panic!("boom") }), None);
    }
}
