//! A connection that is told when what it has read changes.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Pipeline, PushInfo, PushKind};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::connection::{failure, open, track};
use super::super::hosts::Host;
use crate::Result;

/// How long it waits for a word before it looks by itself: so it finds out that Redis is gone.
const POLL: Duration = Duration::from_secs(5);

/// Waiting for a queue takes nothing out of it, as `BZPOPMIN` would: what Redis had popped for a
/// connection that was lost then would be lost, too. Redis tells of changes as of those to cached
/// keys (`CLIENT TRACKING`), once after each read.
pub(super) struct Watch {
    host: Host,
    redis: MultiplexedConnection,
    changed: Arc<Notify>,
}

impl Watch {
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn open(host: &Host, attempt: usize, patience: Duration) -> Result<Self> {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let push = move |push: PushInfo| {
            if matches!(push.kind, PushKind::Invalidate | PushKind::Disconnection) {
                notify.notify_one();
            }
        };
        let mut redis = open(host, attempt, patience, push).await?;
        // Not of its own changes: it reads again after each.
        track(host, &mut redis, "NOLOOP").await?;
        Ok(Self {
            host: host.clone(),
            redis,
            changed,
        })
    }

    /// Sends commands, and waits for all answers.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn run<T: FromRedisValue>(&mut self, commands: &Pipeline) -> Result<T> {
        let answer = commands.query_async(&mut self.redis).await;
        answer.map_err(|error| failure(&self.host, error))
    }

    /// Waits until a key that was read has been changed by somebody else, or might have been.
    /// Cancel safe.
    pub(super) async fn changed(&self) {
        let _ = timeout(POLL, self.changed.notified()).await;
    }
}
