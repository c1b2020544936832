//! What comes in: the queue of this process, at one host.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::sleep_until;

use super::super::connection::{Backoff, failure, open};
use super::shared::SharedRef;
use crate::{Error, ErrorKind, Result};

/// How long one command waits for an event, in seconds: `brpop_timeout` of `channels_redis`.
pub(super) const BLOCK: u64 = 5;

/// How many events are taken at a time.
const BATCH: usize = 200;

/// Reads the queue of this process at one host, and never gives up.
///
/// Nobody else reads it: an event that is lost with the connection, between Redis and here, would be
/// lost with this process as well. So nothing is backed up.
pub(super) struct QueueReader {
    shared: SharedRef,
    at: usize,
    backoff: Backoff,
}

impl QueueReader {
    pub(super) fn new(shared: SharedRef, at: usize) -> Self {
        Self {
            backoff: Backoff::new(shared.patience),
            shared,
            at,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let error = match self.connect().await {
                Ok(redis) => self.read(redis).await,
                Err(error) => error,
            };
            tracing::warn!(%error, "the channel layer hears nothing from Redis");
        }
    }

    async fn connect(&mut self) -> Result<MultiplexedConnection> {
        sleep_until(self.backoff.until()).await;
        let attempt = self.backoff.failed();
        let patience = self.shared.patience + Duration::from_secs(BLOCK);
        open(self.shared.hosts[self.at].host(), attempt, patience, |_| {}).await
    }

    /// Reads until that fails.
    async fn read(&mut self, mut redis: MultiplexedConnection) -> Error {
        let key = self.shared.keys.queue(&self.shared.own_queue);
        loop {
            match pop(&mut redis, &key).await {
                Ok(members) => {
                    self.backoff.succeeded();
                    for member in members {
                        self.deliver(&member);
                    }
                }
                Err(error) => return failure(self.shared.hosts[self.at].host(), error),
            }
        }
    }

    fn deliver(&self, member: &[u8]) {
        match self
            .shared
            .members
            .read(member, Some(self.shared.lifetime()))
        {
            Ok(received) if received.channels.is_empty() => {
                let what = "a message in a process' queue that names no channel";
                self.shared.dropped(&Error::new(ErrorKind::Decode, what));
            }
            Ok(received) => {
                for channel in &received.channels {
                    if let Ok(channel) = crate::ChannelName::new(channel) {
                        // It fails if the mailbox is full, which the receiver has counted.
                        let _ = self.shared.hub.send(&channel, received.event.clone());
                    }
                }
            }
            Err(error) => self.shared.dropped(&error),
        }
    }
}

/// The next members of a queue: it waits for one, and takes those that came with it.
pub(super) async fn pop(
    redis: &mut MultiplexedConnection,
    key: &str,
) -> redis::RedisResult<Vec<Vec<u8>>> {
    let first: Option<(String, Vec<u8>, f64)> = redis::cmd("BZPOPMIN")
        .arg(key)
        .arg(BLOCK)
        .query_async(redis)
        .await?;
    let Some((_, first, _)) = first else {
        return Ok(Vec::new());
    };
    let more: Vec<(Vec<u8>, f64)> = redis::cmd("ZPOPMIN")
        .arg(key)
        .arg(BATCH)
        .query_async(redis)
        .await?;
    let more = more.into_iter().map(|(member, _)| member);
    Ok(std::iter::once(first).chain(more).collect())
}
