//! How many threads plain `fn` handlers may take.
//!
//! The threads of [`threads`](crate::threads) are shared with what a program gives to
//! [`blocking`](crate::blocking). There are 512, and work that finds none waits in a queue without a bound.
//! So two things are bounded here: how many handlers have a thread at a time, and how many of these
//! threads wait for clients that do not read.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;
use crate::log::LogLimit;

/// The plain `fn` handlers of an application.
#[derive(Debug)]
pub(crate) struct HandlerThreads {
    handlers: Arc<Semaphore>,
    /// How many handlers may wait for their clients.
    most_waiting: usize,
    waiting: Mutex<Waiting>,
    disconnects: LogLimit,
}

/// A connection whose handler waits until its client reads.
pub(crate) trait Client: Send + Sync {
    /// Ends the connection, and so the wait. Never waits itself.
    fn disconnect(&self);
}

#[derive(Default)]
struct Waiting {
    /// In the order in which the waits began.
    clients: BTreeMap<u64, Weak<dyn Client>>,
    next: u64,
}

/// The right of a handler to a thread; dropping it passes it on.
pub(crate) type Permit = OwnedSemaphorePermit;

impl HandlerThreads {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = limits.blocking_handlers.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            handlers: Arc::new(Semaphore::new(most)),
            most_waiting: limits.blocking_sends,
            waiting: Mutex::default(),
            disconnects: LogLimit::new(),
        }
    }

    /// Waits for a thread, first come, first served: as many wait as there are connections with a
    /// handler to call. `None` never happens, for the semaphore is never closed.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the place in the queue is lost.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        Arc::clone(&self.handlers).acquire_owned().await.ok()
    }

    /// Blocks the thread until a future is ready that may wait for a client to read. If more handlers
    /// wait than the limit allows, the client is disconnected that has kept its handler waiting for
    /// the longest time.
    pub(crate) fn wait_for<F: Future>(
        &self,
        client: &Arc<impl Client + 'static>,
        future: F,
    ) -> F::Output {
        let mut future = pin!(future);
        let mut wait = None;
        Handle::current().block_on(poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() && wait.is_none() {
                let client = Arc::downgrade(client);
                wait = Some(self.begin_wait(client));
            }
            polled
        }))
    }

    fn begin_wait(&self, client: Weak<dyn Client>) -> Wait<'_> {
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.clients.insert(number, client);
        let too_many = waiting.clients.len() > self.most_waiting;
        let longest = if too_many {
            waiting.clients.pop_first()
        } else {
            None
        };
        drop(waiting);
        if let Some(client) = longest.and_then(|(_, client)| client.upgrade()) {
            if let Some(suppressed) = self.disconnects.permit() {
                let limit = self.most_waiting;
                tracing::warn!(
                    limit,
                    suppressed,
                    "too many plain `fn` handlers wait for clients that do not read, \
                     disconnecting the client that waited longest"
                );
            }
            client.disconnect();
        }
        Wait {
            threads: self,
            number,
        }
    }

    /// No code panics while it holds this lock.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for HandlerThreads {
    fn default() -> Self {
        Self::new(&Limits::default())
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Waiting").field(&self.clients.len()).finish()
    }
}

/// A handler that waits for its client.
struct Wait<'a> {
    threads: &'a HandlerThreads,
    number: u64,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.threads.waiting().clients.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reader(Mutex<bool>);

    impl Client for Reader {
        fn disconnect(&self) {
            *self.0.lock().expect("no test panics here") = true;
        }
    }

    impl Reader {
        fn new() -> Arc<Self> {
            Arc::new(Self(Mutex::new(false)))
        }

        fn is_disconnected(&self) -> bool {
            *self.0.lock().expect("no test panics here")
        }
    }

    #[test]
    fn who_waits_longest_is_disconnected_first() {
        let limits = Limits {
            blocking_sends: 2,
            ..Limits::default()
        };
        let threads = HandlerThreads::new(&limits);
        let clients: Vec<_> = (0..4).map(|_| Reader::new()).collect();
        let begin = |at: usize| {
            let client = Arc::downgrade(&clients[at]);
            threads.begin_wait(client)
        };
        let _first = begin(0);
        let second = begin(1);
        assert!(!clients[0].is_disconnected());
        let _third = begin(2);
        assert!(clients[0].is_disconnected());
        drop(second);
        let _fourth = begin(3);
        assert!(clients[1..].iter().all(|it| !it.is_disconnected()));
        assert_eq!(threads.waiting().clients.len(), 2);
    }
}
