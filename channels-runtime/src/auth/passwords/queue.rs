//! Threads that hash passwords, and the queue in front of them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, available_parallelism};

use tokio::sync::{Semaphore, oneshot};

use crate::log::LogLimit;
use crate::{Error, ErrorKind, Result};

/// How many hashes wait for each one that is being made, unless the program sets it.
const WAITING_PER_RUNNING: usize = 8;

/// A bounded queue of hashes, and how many are made at a time.
///
/// Each hash has a thread for its time: starting one costs some microseconds of the half second that a
/// hash takes. The runtime's blocking threads stay free for handlers.
#[derive(Debug)]
pub(super) struct HashQueue {
    /// One permit for each hash that is being made.
    running: Arc<Semaphore>,
    /// One permit for each hash that is being made or waits.
    admitted: Arc<Semaphore>,
    refusals: LogLimit,
}

impl HashQueue {
    /// A queue that leaves one core to everything else; on one core, one hash is made at a time.
    pub(super) fn with_defaults() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let running = NonZeroUsize::new(cores - 1).unwrap_or(NonZeroUsize::MIN);
        Self::new(running, running.get().saturating_mul(WAITING_PER_RUNNING))
    }

    pub(super) fn new(running: NonZeroUsize, waiting: usize) -> Self {
        let running = running.get().min(Semaphore::MAX_PERMITS);
        let admitted = running.saturating_add(waiting);
        Self {
            running: Arc::new(Semaphore::new(running)),
            admitted: Arc::new(Semaphore::new(admitted.min(Semaphore::MAX_PERMITS))),
            refusals: LogLimit::new(),
        }
    }

    /// Makes a hash when its turn comes. A hash that has started is finished even if the future is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the queue is full, or the system starts no thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| self.refused())?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(Error::unavailable)?;
        let (done, hashed) = oneshot::channel();
        let clock = hold_clock();
        let started = thread::Builder::new()
            .name("channels-password".to_owned())
            .spawn(move || {
                let _permits = (admitted, running, clock);
                // The receiver is dropped with the caller's future.
                let _ = done.send(hash());
            });
        started.map_err(|error| {
            let what = "no thread can be started to hash a password";
            Error::caused(ErrorKind::Unavailable, what, error)
        })?;
        hashed.await.map_err(|error| {
            Error::caused(
                ErrorKind::Unavailable,
                "the hash of a password panicked",
                error,
            )
        })?
    }

    fn refused(&self) -> Error {
        if let Some(suppressed) = self.refusals.permit() {
            tracing::warn!(suppressed, "password check refused: too many are waiting");
        }
        Error::new(
            ErrorKind::Unavailable,
            "too many passwords are being checked",
        )
    }
}

/// Keeps tokio's paused clock from moving on while a hash is made, until the value is dropped. The clock
/// waits for blocking tasks of the runtime, and knows nothing of other threads. (The task is there for
/// nothing else: no hash waits for it.)
struct HeldClock {
    #[cfg(feature = "testing")]
    _until_dropped: std::sync::mpsc::Sender<()>,
}

#[cfg(feature = "testing")]
fn hold_clock() -> HeldClock {
    let (held, dropped) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || {
        // Ends with the sender.
        let _ = dropped.recv();
    });
    HeldClock {
        _until_dropped: held,
    }
}

#[cfg(not(feature = "testing"))]
fn hold_clock() -> HeldClock {
    HeldClock {}
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn queue(running: usize, waiting: usize) -> Arc<HashQueue> {
        let running = NonZeroUsize::new(running).expect("more than none");
        Arc::new(HashQueue::new(running, waiting))
    }

    /// A hash that takes until the other end is dropped.
    fn hash(queue: &Arc<HashQueue>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<u8>>) {
        let (end, ended) = mpsc::channel::<()>();
        let queue = Arc::clone(queue);
        let hash = tokio::spawn(async move {
            queue
                .run(move || {
                    let _ = ended.recv();
                    Ok(7)
                })
                .await
        });
        (end, hash)
    }

    #[tokio::test]
    async fn a_hash_too_many_is_refused_at_once() {
        timeout(DEADLINE, async {
            let queue = queue(1, 2);
            let hashes: Vec<_> = (0..3).map(|_| hash(&queue)).collect();
            while queue.admitted.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            for _ in 0..100 {
                let refused = queue.run(|| Ok(())).await.expect_err("full");
                assert_eq!(refused.kind(), ErrorKind::Unavailable);
            }
            for (end, hash) in hashes {
                drop(end);
                assert_eq!(hash.await.expect("no panic").expect("a hash"), 7);
            }
            queue.run(|| Ok(())).await.expect("there is room again");
        })
        .await
        .expect("the deadline");
    }

    #[tokio::test]
    async fn a_panic_takes_no_place_for_ever() {
        timeout(DEADLINE, async {
            let queue = queue(1, 0);
            for _ in 0..10 {
                let panicked = queue.run(|| -> Result<()> { panic!("boom") }).await;
                assert_eq!(
                    panicked.expect_err("panicked").kind(),
                    ErrorKind::Unavailable
                );
                // The thread releases its permits as it ends.
                while queue.admitted.available_permits() == 0 {
                    tokio::task::yield_now().await;
                }
            }
            queue.run(|| Ok(())).await.expect("there is room");
        })
        .await
        .expect("the deadline");
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_frees_its_place_in_the_queue() {
        timeout(DEADLINE, async {
            let queue = queue(1, 1);
            let (end, first) = hash(&queue);
            while queue.running.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            let (_end, second) = hash(&queue);
            while queue.admitted.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            second.abort();
            assert!(second.await.expect_err("aborted").is_cancelled());
            assert_eq!(queue.admitted.available_permits(), 1);
            drop(end);
            first.await.expect("no panic").expect("a hash");
        })
        .await
        .expect("the deadline");
    }
}
