//! The connection over which one host's messages come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisResult, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::super::connection::{Backoff, failure, open};
use super::super::gap::gap;
use super::super::hosts::Host;
use super::super::outage::Outage;
use super::Shared;
use super::topics::Topics;
use crate::{Error, ErrorKind, Result};

/// How many topics one command names: the answers to more would hold up the messages.
const BATCH: usize = 500;

/// Listens at one host, and never gives up.
///
/// What comes in is delivered by the task that reads it: there is no queue between the two, and
/// receivers do not make it wait.
pub(super) struct Listener {
    shared: Arc<Shared>,
    at: usize,
    backoff: Backoff,
    outage: Outage,
    /// Since when messages may have been missed.
    missing_since: Option<SystemTime>,
}

/// A connection, and the last sign of it.
struct Session {
    redis: MultiplexedConnection,
    signs: Arc<Signs>,
}

#[derive(Default)]
struct Signs {
    /// In milliseconds since 1970.
    last: AtomicU64,
    ended: Notify,
}

impl Listener {
    pub(super) fn new(shared: Arc<Shared>, at: usize) -> Self {
        Self {
            backoff: Backoff::new(shared.patience),
            outage: Outage::new("the channel layer hears nothing from Redis"),
            shared,
            at,
            missing_since: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let error = match self.connect().await {
                Ok(mut session) => {
                    let ended = self.keep(&mut session).await;
                    self.missing_since.get_or_insert(session.signs.last());
                    ended
                }
                Err(error) => error,
            };
            self.outage.failed(&error);
            self.topics().lost(&error);
        }
    }

    /// Connects, subscribes to all that is wanted, and tells who may have missed something.
    async fn connect(&mut self) -> Result<Session> {
        sleep_until(self.backoff.until()).await;
        let attempt = self.backoff.failed();
        let signs = Arc::new(Signs::default());
        signs.give();
        let mut redis = {
            let (shared, signs) = (Arc::clone(&self.shared), Arc::clone(&signs));
            let push = move |push| take(&shared, &signs, push);
            open(self.host(), attempt, self.shared.patience, push).await?
        };
        let subscribed = redis.psubscribe(&self.shared.pattern).await;
        self.checked(subscribed)?;
        for topic in self.shared.hub.groups() {
            if self.shared.shard(&topic) == self.at {
                self.topics().turn(&topic);
            }
        }
        let mut session = Session { redis, signs };
        self.catch_up(&mut session).await?;
        self.topics().connected();
        self.outage
            .over(self.shared.stations[self.at].commands.host());
        if let Some(since) = self.missing_since.take() {
            self.tell_of_gap(since)?;
        }
        Ok(session)
    }

    /// Subscribes as topics turn, and looks whether Redis is still there. Returns when it is not.
    async fn keep(&mut self, session: &mut Session) -> Error {
        let period = self.shared.patience / 2;
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let kept = tokio::select! {
                () = session.signs.ended.notified() => return self.ended(),
                () = self.shared.stations[self.at].topics.work() => self.catch_up(session).await,
                _ = ticks.tick() => self.ping(session).await,
            };
            if let Err(error) = kept {
                return error;
            }
        }
    }

    /// Brings Redis to what is wanted now.
    async fn catch_up(&self, session: &mut Session) -> Result {
        let changes = self.topics().changes(&self.shared.hub);
        for topics in changes.subscribe.chunks(BATCH) {
            let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            let subscribed = session.redis.subscribe(&names).await;
            self.checked(subscribed)?;
            self.topics().heard(topics);
        }
        for topics in changes.unsubscribe.chunks(BATCH) {
            let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            let unsubscribed = session.redis.unsubscribe(&names).await;
            self.checked(unsubscribed)?;
        }
        Ok(())
    }

    /// A connection that has lasted until here is a good one: the next attempt need not wait.
    async fn ping(&mut self, session: &mut Session) -> Result {
        let answer = redis::cmd("PING").exec_async(&mut session.redis).await;
        self.checked(answer)?;
        session.signs.give();
        self.backoff.succeeded();
        Ok(())
    }

    /// Tells those who listen at this host, by one of their groups or by their own names.
    fn tell_of_gap(&self, since: SystemTime) -> Result {
        let is_here = |topic: &str| self.shared.shard(topic) == self.at;
        self.shared.hub.tell(&gap(since)?, |channel, groups| {
            is_here(channel) || groups.iter().any(|topic| is_here(topic))
        });
        Ok(())
    }

    fn checked<T>(&self, answer: RedisResult<T>) -> Result<T> {
        answer.map_err(|error| failure(self.host(), error))
    }

    fn ended(&self) -> Error {
        let what = format!("Redis at {} has closed the connection", self.host());
        Error::new(ErrorKind::Unavailable, what)
    }

    fn host(&self) -> &Host {
        self.shared.stations[self.at].commands.host()
    }

    fn topics(&self) -> &Topics {
        &self.shared.stations[self.at].topics
    }
}

/// Takes what Redis pushes.
fn take(shared: &Shared, signs: &Signs, push: PushInfo) {
    match (push.kind, &push.data[..]) {
        (PushKind::Message, [Value::BulkString(topic), Value::BulkString(payload)]) => {
            signs.give();
            shared.take_for_group(topic, payload);
        }
        (PushKind::PMessage, [_, Value::BulkString(channel), Value::BulkString(payload)]) => {
            signs.give();
            shared.take_for_channel(channel, payload);
        }
        (PushKind::Disconnection, _) => signs.ended.notify_one(),
        _ => {}
    }
}

impl Signs {
    fn give(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or_default();
        self.last.store(now, Ordering::Relaxed);
    }

    fn last(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}
