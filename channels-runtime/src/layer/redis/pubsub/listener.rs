//! The connection over which one host's messages come.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, RedisResult, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::super::backoff::Backoff;
use super::super::connection::{failure, is_answer, is_moved, open};
use super::super::hosts::Host;
use super::super::outage::Outage;
use super::Shared;
use super::places::Station;
use super::topics::Topics;
use crate::supervise::{isolate, supervise_state};
use crate::{Error, ErrorKind, Result};

/// How many topics one command names: the answers to more would hold up the messages.
const BATCH: usize = 500;

/// Listens at one host, and never gives up.
///
/// What comes in is delivered by the task that reads it: there is no queue between the two, and
/// receivers do not make it wait.
pub(super) struct Listener {
    shared: Arc<Shared>,
    station: Arc<Station>,
    backoff: Backoff,
    outage: Outage,
    /// Those of the connection, while there is one.
    signs: Option<Arc<Signs>>,
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
    pub(super) fn new(shared: Arc<Shared>, station: Arc<Station>) -> Self {
        Self {
            backoff: Backoff::new(shared.patience),
            outage: Outage::new("the channel layer hears nothing from Redis"),
            shared,
            station,
            signs: None,
        }
    }

    /// Runs until it is dropped, also after a panic.
    pub(super) fn supervised(self) -> impl Future<Output = ()> + Send {
        supervise_state(
            "listener of a Redis server",
            self,
            |mut listener| async move { listener.run().await },
        )
    }

    async fn run(&mut self) {
        if let Some(signs) = self.signs.take() {
            // After a panic: the connection went with it.
            self.lost(&self.ended(), signs.last());
        }
        loop {
            let (error, since) = match self.connect().await {
                Ok(mut session) => {
                    let ended = self.keep(&mut session).await;
                    (ended, session.signs.last())
                }
                Err(error) => (error, SystemTime::now()),
            };
            self.signs = None;
            self.outage.failed(&error);
            self.lost(&error, since);
        }
    }

    fn lost(&self, error: &Error, since: SystemTime) {
        self.topics().lost(error, since);
        self.shared.places.doubt();
    }

    /// Connects, subscribes to all that is wanted, and tells who may have missed something.
    async fn connect(&mut self) -> Result<Session> {
        sleep_until(self.backoff.until()).await;
        let attempt = self.backoff.failed();
        let signs = Arc::new(Signs::default());
        signs.give();
        let redis = {
            let (shared, station) = (Arc::clone(&self.shared), Arc::clone(&self.station));
            let signs = Arc::clone(&signs);
            let push = move |push| {
                // A panic would end the connection.
                isolate("the delivery of a message from Redis", || {
                    take(&shared, &station, &signs, push);
                });
            };
            open(self.host(), attempt, self.shared.patience, push).await?
        };
        for topic in self.shared.topics() {
            self.topics().look_at(&topic);
        }
        let mut session = Session { redis, signs };
        self.catch_up(&mut session).await?;
        self.topics().connected();
        self.signs = Some(Arc::clone(&session.signs));
        self.outage.over(self.station.commands.host());
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
                () = self.station.topics.work() => self.catch_up(session).await,
                _ = ticks.tick() => self.ping(session).await,
            };
            if let Err(error) = kept {
                return error;
            }
        }
    }

    /// Brings Redis to what is wanted now. What it confirms comes as a push, each by its name.
    async fn catch_up(&self, session: &mut Session) -> Result {
        let wish = |topic: &str| self.shared.wish(&self.station, topic);
        let changes = self.topics().changes(wish);
        let subscribe = changes.subscribe.iter();
        let subscribe: Vec<_> = subscribe.map(|it| self.shared.subscribe(it)).collect();
        self.send(session, &subscribe).await?;
        if self.topics().answered() {
            self.shared.places.doubt();
        }
        self.shared.tell_of_gap(&self.station);
        let unsubscribe = changes.unsubscribe.iter();
        let unsubscribe: Vec<_> = unsubscribe.map(|it| self.shared.unsubscribe(it)).collect();
        self.send(session, &unsubscribe).await
    }

    /// A node that has moved a topic elsewhere is one that goes on.
    async fn send(&self, session: &mut Session, commands: &[Cmd]) -> Result {
        for commands in commands.chunks(BATCH) {
            let mut batch = redis::pipe();
            for command in commands {
                batch.add_command(command.clone());
            }
            let answers = batch.ignore_errors().query_async(&mut session.redis).await;
            let answers: Vec<RedisResult<Value>> = self.checked(answers)?;
            for answer in answers {
                match self.checked(answer) {
                    Err(error) if !is_moved(&error) => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// A connection that has lasted until here is a good one: the next attempt need not wait.
    async fn ping(&mut self, session: &mut Session) -> Result {
        let answer = redis::cmd("PING").exec_async(&mut session.redis).await;
        // While its disk is full Redis refuses even that, and lives.
        if !answer.as_ref().is_err_and(is_answer) {
            self.checked(answer)?;
        }
        session.signs.give();
        self.backoff.succeeded();
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
        self.station.commands.host()
    }

    fn topics(&self) -> &Topics {
        &self.station.topics
    }
}

/// Takes what Redis pushes.
fn take(shared: &Shared, station: &Arc<Station>, signs: &Signs, push: PushInfo) {
    use PushKind::{Message, PSubscribe, SMessage, SSubscribe, SUnsubscribe, Subscribe};
    match (push.kind, &push.data[..]) {
        (Message | SMessage, [Value::BulkString(topic), Value::BulkString(payload)]) => {
            signs.give();
            shared.take_for_topic(station, topic, payload);
        }
        (PushKind::PMessage, [_, Value::BulkString(channel), Value::BulkString(payload)]) => {
            signs.give();
            shared.take_for_channel(channel, payload);
        }
        (Subscribe | PSubscribe | SSubscribe, [Value::BulkString(topic), ..]) => {
            if let Ok(topic) = std::str::from_utf8(topic)
                && station.topics.heard(topic)
            {
                // Before anything else is heard.
                shared.tell_of_gap(station);
            }
        }
        // By our own wish, or because its slot has gone to another node.
        (SUnsubscribe, [Value::BulkString(topic), ..]) => {
            if let Ok(topic) = std::str::from_utf8(topic)
                && station.topics.taken_away(topic)
            {
                shared.places.doubt();
            }
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
