//! Background tasks that outlive a panic, and user code that cannot end one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "redis")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
#[cfg(feature = "redis")]
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use crate::log::{Excerpt, LogLimit};

/// Pause before the first restart; doubles with each panic.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A task that ran this long before it panicked is restarted after the first pause again.
const STABLE: Duration = Duration::from_secs(60);

static RESTARTS: AtomicU64 = AtomicU64::new(0);
static ISOLATED: AtomicU64 = AtomicU64::new(0);

/// Bounds the lines about panics that a client may be able to repeat.
static PANICS: LogLimit = LogLimit::new();

/// How many background tasks of this process panicked and were restarted.
pub(crate) fn restarts() -> u64 {
    RESTARTS.load(Ordering::Relaxed)
}

/// How many panics of user code were caught outside of its handlers.
pub(crate) fn isolated_panics() -> u64 {
    ISOLATED.load(Ordering::Relaxed)
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
                if started.elapsed() >= STABLE {
                    pause = FIRST_PAUSE;
                }
                log_safely(panic, |panic| {
                    tracing::error!(
                        task = name,
                        panic,
                        ?pause,
                        "background task panicked, restarting"
                    );
                });
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// As [`supervise`], for a task with state that outlives a panic.
///
/// # Cancel safety
///
/// Dropping the future drops the task.
#[cfg(feature = "redis")]
pub(crate) async fn supervise_state<S: Send + 'static, F: Future>(
    name: &'static str,
    state: S,
    run: fn(OwnedMutexGuard<S>) -> F,
) -> F::Output {
    let state = Arc::new(Mutex::new(state));
    supervise(name, || {
        let state = Arc::clone(&state);
        async move { run(state.lock_owned().await).await }
    })
    .await
}

/// As [`isolate`], for a future.
pub(crate) async fn isolate_future<T>(
    what: &'static str,
    future: impl Future<Output = T>,
) -> Option<T> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(value) => Some(value),
        Err(panic) => {
            report(what, panic);
            None
        }
    }
}

/// Calls user code that runs inside a shared task, or where its panic has no other place to go.
/// Returns `None` after a panic, which is counted, and logged with `what` at a bounded rate.
#[inline]
pub(crate) fn isolate<T>(what: &'static str, call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(panic) => {
            report(what, panic);
            None
        }
    }
}

/// Drops a value whose `Drop` may be user code: an event, a payload, a consumer. Never call it, or
/// drop such a value, while a lock of the runtime is held.
#[inline]
pub(crate) fn discard<T>(what: &'static str, value: T) {
    if std::mem::needs_drop::<T>() {
        isolate(what, || drop(value));
    }
}

#[cold]
fn report(what: &'static str, panic: Panic) {
    ISOLATED.fetch_add(1, Ordering::Relaxed);
    let permit = PANICS.permit();
    log_safely(panic, |panic| {
        if let Some(suppressed) = permit {
            tracing::error!(panic, suppressed, "{what} panicked");
        }
    });
}

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Logs a panic and drops what it carries. Both run user code, which may panic again: a subscriber,
/// and a `Drop`.
pub(crate) fn log_safely(panic: Panic, log: impl FnOnce(&str)) {
    let logged = catch_unwind(AssertUnwindSafe(|| {
        // A message may contain what a client has sent.
        let message = Excerpt(panic_message(&*panic).as_bytes());
        log(&message.to_string());
    }));
    for panic in [Some(panic), logged.err()].into_iter().flatten() {
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            // Its `Drop` may panic as well, and so on.
            std::mem::forget(again);
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

    #[cfg(feature = "redis")]
    #[tokio::test(start_paused = true)]
    async fn a_task_keeps_its_state_when_it_is_restarted() {
        let runs = supervise_state("test", 0, |mut runs| async move {
            *runs += 1;
            assert!(*runs > 3, "run {runs}");
            *runs
        });
        assert_eq!(runs.await, 4);
    }

    #[test]
    fn user_code_that_panics_returns_none() {
        assert_eq!(isolate("a receiver", || 1), Some(1));
        let before = isolated_panics();
        assert_eq!(isolate("a receiver", || -> u8 { panic!("boom") }), None);
        assert!(isolated_panics() > before);
    }

    #[test]
    fn a_panic_whose_drop_panics_is_contained() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                std::panic::panic_any(Self);
            }
        }
        isolate("a receiver", || -> () { std::panic::panic_any(Bomb) });
        discard("an event", Bomb);
    }
}
