//! Tells other servers of sessions that have ended, with retries.
//!
//! A login or a logout counts once it is saved. Whether the layer answers must not change the response,
//! and a client that disconnects must not cancel the revocation: a supervised task sends it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::recheck::RETRY;
use super::revoked::{OLDEST, Revoked};
use super::site::{Site, WeakSite};
use super::watch::Watch;
use crate::layer::ChannelLayer;
use crate::log::log_limited;
use crate::supervise::supervise;
use crate::{Error, Result};

/// How many revocations wait for one layer. Beyond that the oldest is dropped: it has the least time left.
const MOST: usize = 10_000;

/// How long a login or logout waits until its revocation is sent.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long one attempt may take: longer than a layer over Redis waits itself.
const ATTEMPT: Duration = Duration::from_secs(15);

/// The revocations that are to be sent, for each layer.
#[derive(Default)]
pub(super) struct Outboxes(Mutex<Vec<Arc<Outbox>>>);

struct Outbox {
    layer: Arc<dyn ChannelLayer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    next: u64,
    /// Whether a task sends them.
    is_sending: bool,
    /// Whether the last attempt failed: nobody waits for the next one.
    is_failing: bool,
}

struct Waiting {
    number: u64,
    revoked: Revoked,
    since: Instant,
    /// Dropped as soon as the revocation is sent, or the layer fails.
    attempt: Option<oneshot::Sender<()>>,
}

impl Watch {
    /// Sends a revocation to the other servers on a layer. Waits a short time until it is sent. While the
    /// layer fails, a task repeats it, for as long as the receivers accept one.
    pub(super) async fn send(&self, site: &Site, layer: &Arc<dyn ChannelLayer>, revoked: Revoked) {
        let outbox = self.outboxes.of(layer);
        let (attempt, ended) = oneshot::channel();
        if outbox.push(revoked, attempt) {
            let (site, outbox) = (site.downgrade(), Arc::clone(&outbox));
            tokio::spawn(supervise("revocations to other servers", move || {
                send_all(site.clone(), Arc::clone(&outbox))
            }));
        }
        let _ = timeout(PATIENCE, ended).await;
    }
}

impl Outboxes {
    fn of(&self, layer: &Arc<dyn ChannelLayer>) -> Arc<Outbox> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().find(|known| Arc::ptr_eq(&known.layer, layer));
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let outbox = Arc::new(Outbox {
            layer: Arc::clone(layer),
            state: Mutex::default(),
        });
        all.push(Arc::clone(&outbox));
        outbox
    }
}

/// Sends what waits, in order, until nothing does.
async fn send_all(site: WeakSite, outbox: Arc<Outbox>) {
    while let Some((number, revoked)) = outbox.first() {
        let Some(site) = site.upgrade() else {
            return outbox.clear();
        };
        let sending = revoked.send(&site, &*outbox.layer);
        let sent: Result = timeout(ATTEMPT, sending)
            .await
            .unwrap_or_else(|_| Err(Error::layer("the layer did not answer in time")));
        drop(site);
        match sent {
            Ok(()) => outbox.has_sent(number),
            Err(error) => {
                let (error, source) = error.excerpts();
                log_limited!(
                    warn,
                    error,
                    source,
                    "cannot send a revocation to other servers, retrying"
                );
                outbox.has_failed();
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

impl Outbox {
    /// Queues a revocation. Returns whether a task has to be started that sends it.
    fn push(&self, revoked: Revoked, attempt: oneshot::Sender<()>) -> bool {
        let mut state = self.state();
        let is_full = state.waiting.len() >= MOST;
        if is_full {
            state.waiting.pop_front();
        }
        let waiting = Waiting {
            number: state.next,
            revoked,
            since: Instant::now(),
            attempt: Some(attempt).filter(|_| !state.is_failing),
        };
        state.next += 1;
        state.waiting.push_back(waiting);
        let was_sending = std::mem::replace(&mut state.is_sending, true);
        drop(state);
        if is_full {
            log_lost(1, "too many wait for the layer");
        }
        !was_sending
    }

    /// The revocation that is sent next. Those that are too old are dropped; without any, the task ends.
    fn first(&self) -> Option<(u64, Revoked)> {
        let mut state = self.state();
        let before = state.waiting.len();
        state
            .waiting
            .retain(|waiting| waiting.since.elapsed() < OLDEST);
        let lost = before - state.waiting.len();
        let first = state.waiting.front();
        let first = first.map(|first| (first.number, first.revoked.clone()));
        state.is_sending = first.is_some();
        drop(state);
        if lost > 0 {
            log_lost(lost, "the layer failed for five minutes");
        }
        first
    }

    fn has_sent(&self, number: u64) {
        let mut state = self.state();
        state.is_failing = false;
        // It may have been dropped meanwhile, since too many waited.
        if state
            .waiting
            .front()
            .is_some_and(|first| first.number == number)
        {
            state.waiting.pop_front();
        }
    }

    fn has_failed(&self) {
        let mut state = self.state();
        state.is_failing = true;
        for waiting in &mut state.waiting {
            waiting.attempt = None;
        }
    }

    /// Drops everything: the site does not exist any more.
    fn clear(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.is_sending = false;
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_lost(lost: usize, reason: &str) {
    log_limited!(
        error,
        lost,
        reason,
        "revocations lost: other servers keep the connections of sessions that have ended"
    );
}
