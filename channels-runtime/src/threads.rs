//! Threads for work that blocks: plain `fn` handlers, and what a program gives to
//! [`blocking`](crate::blocking).
//!
//! They are tokio's blocking threads of a runtime that is never dropped. The drop of a runtime waits
//! for its blocking threads, so on those of the program's own runtime one handler that hangs would keep
//! the process from ending after its shutdown.

use std::collections::BTreeMap;
use std::panic;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Threads at the same time; more work waits. tokio's own default.
const THREADS: usize = 512;

/// What is running, by its name.
static RUNNING: Mutex<BTreeMap<&'static str, usize>> = Mutex::new(BTreeMap::new());

/// Runs work that blocks on a thread where it may. `what` names it for the log.
///
/// # Panics
///
/// If the work panics.
///
/// # Cancel safety
///
/// If the future is dropped, the work goes on to its end and its result is lost.
pub(crate) async fn run<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let work = move || {
        let _running = Running::new(what);
        work()
    };
    match spawn(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(payload) => panic::resume_unwind(payload),
            // Blocking work is cancelled only where the runtime itself shuts down.
            Err(_) => std::future::pending().await,
        },
    }
}

fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static THREADS_RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let caller = Handle::current();
    match THREADS_RUNTIME.get_or_init(start) {
        Some(runtime) if !is_clock_paused() => runtime.spawn_blocking(move || {
            // For timers, and for what waits for futures of the caller's runtime.
            let _entered = caller.enter();
            work()
        }),
        _ => caller.spawn_blocking(work),
    }
}

fn start() -> Option<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder
        .max_blocking_threads(THREADS)
        .thread_name("channels-blocking");
    match builder.build() {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            tracing::error!(%error, "cannot make a runtime for blocking work");
            None
        }
    }
}

/// Whether a test has paused tokio's clock. Such a clock stands still only while work is running on the
/// blocking threads of its own runtime.
#[cfg(feature = "testing")]
fn is_clock_paused() -> bool {
    let before = tokio::time::Instant::now();
    let begun = std::time::Instant::now();
    while begun.elapsed().as_nanos() < 1000 {
        std::hint::spin_loop();
    }
    before == tokio::time::Instant::now()
}

#[cfg(not(feature = "testing"))]
fn is_clock_paused() -> bool {
    false
}

/// The names of the work that is running, and how often each is.
pub(crate) fn running() -> Vec<(&'static str, usize)> {
    counts()
        .iter()
        .map(|(&what, &count)| (what, count))
        .collect()
}

/// Counts work while it is running, until its end or its panic.
struct Running(&'static str);

impl Running {
    fn new(what: &'static str) -> Self {
        *counts().entry(what).or_default() += 1;
        Self(what)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut counts = counts();
        if let Some(count) = counts.get_mut(self.0) {
            *count -= 1;
            if *count == 0 {
                counts.remove(self.0);
            }
        }
    }
}

/// No code panics while it holds this lock.
fn counts() -> MutexGuard<'static, BTreeMap<&'static str, usize>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn work_that_hangs_does_not_keep_a_runtime_from_ending() {
        let (stop, stopped) = mpsc::channel::<()>();
        let runtime = Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (begun, has_begun) = mpsc::channel();
        runtime.spawn(run("hanging", move || {
            begun.send(()).expect("the test waits");
            stopped.recv()
        }));
        has_begun
            .recv_timeout(Duration::from_secs(20))
            .expect("the work begins");
        drop(runtime);
        assert!(running().contains(&("hanging", 1)), "{:?}", running());
        drop(stop);
    }

    #[tokio::test]
    async fn work_may_wait_for_the_caller_s_futures() {
        let value = run("waiting", || {
            Handle::current().block_on(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                7
            })
        });
        assert_eq!(value.await, 7);
    }
}
