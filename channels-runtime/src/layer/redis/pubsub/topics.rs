//! The topics of one host: which ones this process wants, and which ones it hears.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::super::hosts::Host;
use crate::layer::hub::Hub;
use crate::{Error, ErrorKind, Result};

/// What stands between those who join and leave and the one who subscribes.
///
/// A topic is wanted while the hub has members of it. Lock order: `state` before the hub's, and the
/// hub's before `turned`.
#[derive(Default)]
pub(super) struct Topics {
    /// The topics that have got their first member or lost their last one since somebody looked.
    turned: Mutex<HashSet<Arc<str>>>,
    work: Notify,
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Default)]
struct State {
    connected: bool,
    /// What Redis has confirmed, and nobody is about to give up.
    heard: HashSet<Arc<str>>,
    /// Why there is no connection.
    failure: Option<Failure>,
}

/// An error for each of those who wait.
struct Failure {
    kind: ErrorKind,
    what: String,
    source: String,
}

/// What is to be done at Redis.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) subscribe: Vec<Arc<str>>,
    pub(super) unsubscribe: Vec<Arc<str>>,
}

/// For those who join and leave.
impl Topics {
    /// A topic has got its first member, or lost its last.
    pub(super) fn turn(&self, topic: &Arc<str>) {
        lock(&self.turned).insert(Arc::clone(topic));
        self.work.notify_one();
    }

    /// Whether what is published reaches this process: on the topic, or on its channels if none is
    /// named.
    pub(super) fn hears(&self, topic: Option<&str>) -> bool {
        lock(&self.state).hears(topic)
    }

    /// Waits until it does.
    ///
    /// # Errors
    ///
    /// That of the listener as soon as Redis refuses something, and [`ErrorKind::Unavailable`] after
    /// `patience`.
    pub(super) async fn until_hears(
        &self,
        topic: Option<&str>,
        host: &Host,
        patience: Duration,
    ) -> Result {
        let hears = async {
            loop {
                let mut moved = std::pin::pin!(self.moved.notified());
                moved.as_mut().enable();
                {
                    let state = lock(&self.state);
                    if state.hears(topic) {
                        return Ok(());
                    }
                    if let Some(failure) = &state.failure
                        && failure.kind != ErrorKind::Unavailable
                    {
                        return Err(failure.error());
                    }
                }
                moved.await;
            }
        };
        tokio::time::timeout(patience, hears)
            .await
            .unwrap_or_else(|_| {
                let state = lock(&self.state);
                let failure = state.failure.as_ref().map(Failure::error);
                Err(failure.unwrap_or_else(|| {
                    let what = format!("Redis at {host} has confirmed no subscription in time");
                    Error::new(ErrorKind::Unavailable, what)
                }))
            })
    }
}

/// For the one who subscribes.
impl Topics {
    /// Nothing is heard yet, whatever was heard by somebody before.
    pub(super) fn begin(&self) {
        *lock(&self.state) = State::default();
    }

    /// Waits until some topic has turned.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// Looks at what has turned. What is to be given up is not heard from this moment on.
    pub(super) fn changes(&self, hub: &Hub) -> Changes {
        let turned = std::mem::take(&mut *lock(&self.turned));
        let mut state = lock(&self.state);
        let mut changes = Changes::default();
        for topic in turned {
            match (hub.member_count(&topic) > 0, state.heard.contains(&topic)) {
                (true, false) => changes.subscribe.push(topic),
                (false, true) => {
                    state.heard.remove(&topic);
                    changes.unsubscribe.push(topic);
                }
                (true, true) | (false, false) => {}
            }
        }
        changes
    }

    /// Redis has confirmed these.
    pub(super) fn heard(&self, topics: &[Arc<str>]) {
        lock(&self.state).heard.extend(topics.iter().cloned());
        self.moved.notify_waiters();
    }

    /// Everything that was wanted is heard.
    pub(super) fn connected(&self) {
        let mut state = lock(&self.state);
        state.connected = true;
        state.failure = None;
        drop(state);
        self.moved.notify_waiters();
    }

    /// Nothing is heard any more.
    pub(super) fn lost(&self, error: &Error) {
        let mut state = lock(&self.state);
        *state = State {
            failure: Some(Failure {
                kind: error.kind(),
                what: error.to_string(),
                source: error.source_text(),
            }),
            ..State::default()
        };
        drop(state);
        self.moved.notify_waiters();
    }
}

impl Failure {
    fn error(&self) -> Error {
        if self.source.is_empty() {
            return Error::new(self.kind, &*self.what);
        }
        Error::caused(self.kind, &*self.what, &*self.source)
    }
}

impl State {
    fn hears(&self, topic: Option<&str>) -> bool {
        self.connected && topic.is_none_or(|topic| self.heard.contains(topic))
    }
}

/// No code panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
