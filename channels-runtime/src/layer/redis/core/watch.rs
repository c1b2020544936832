//! A connection that is told when what it has read changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Pipeline, PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::connection::{failure, open, track};
use super::super::hosts::Host;
use crate::Result;

/// How long it waits for a word before it looks by itself: so it finds out that Redis is gone.
const POLL: Duration = Duration::from_secs(5);

/// How many messages wait to be looked at.
const MESSAGES: usize = 1024;

/// Waiting for a queue takes nothing out of it, as `BZPOPMIN` would: what Redis had popped for a
/// connection that was lost then would be lost, too. Redis tells of changes as of those to cached
/// keys (`CLIENT TRACKING`), once after each read. And it brings what is published on topics.
pub(super) struct Watch {
    host: Host,
    redis: MultiplexedConnection,
    ear: Arc<Ear>,
}

/// What Redis has told since somebody looked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// What was published, in order.
    pub(super) messages: Vec<Vec<u8>>,
    /// Whether messages are missing: there were too many.
    pub(super) is_incomplete: bool,
    /// Whether a key that was read has been changed by somebody else, or might have been.
    pub(super) is_changed: bool,
}

impl Watch {
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn open(host: &Host, attempt: usize, patience: Duration) -> Result<Self> {
        let ear = Arc::new(Ear::default());
        let hear = Arc::clone(&ear);
        let push = move |push| hear.hear(push);
        let mut redis = open(host, attempt, patience, push).await?;
        // Not of its own changes: it reads again after each.
        track(host, &mut redis, "NOLOOP").await?;
        Ok(Self {
            host: host.clone(),
            redis,
            ear,
        })
    }

    /// From now on what is published on a topic is heard.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn subscribe(&mut self, topic: &str) -> Result {
        let subscribed = self.redis.subscribe(topic).await;
        subscribed.map_err(|error| failure(&self.host, error))
    }

    /// Sends commands, and waits for all answers. What was told before they were executed has been
    /// heard then.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn run<T: FromRedisValue>(&mut self, commands: &Pipeline) -> Result<T> {
        let answer = commands.query_async(&mut self.redis).await;
        answer.map_err(|error| failure(&self.host, error))
    }

    /// Waits until something was told, or might have been. Cancel safe.
    pub(super) async fn told(&self) {
        if timeout(POLL, self.ear.told.notified()).await.is_err() {
            self.ear.heard().is_changed = true;
        }
    }

    /// What was told since the last look.
    pub(super) fn take_heard(&self) -> Heard {
        std::mem::take(&mut *self.ear.heard())
    }
}

/// Where the task that reads the connection leaves what Redis tells.
#[derive(Default)]
struct Ear {
    heard: Mutex<Heard>,
    told: Notify,
}

impl Ear {
    fn hear(&self, push: PushInfo) {
        match push.kind {
            PushKind::Message => {
                if let Some(Value::BulkString(message)) = push.data.into_iter().nth(1) {
                    self.heard().add(message);
                }
            }
            PushKind::Invalidate | PushKind::Disconnection => self.heard().is_changed = true,
            _ => return,
        }
        self.told.notify_one();
    }

    /// No code panics while it holds this lock.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn add(&mut self, message: Vec<u8>) {
        if self.messages.len() == MESSAGES {
            self.messages.clear();
            self.is_incomplete = true;
        }
        self.messages.push(message);
    }
}
