//! What comes in for workers: the events of a channel that no process owns.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::super::connection::{Backoff, failure, open};
use super::receiver::BLOCK;
use super::shared::SharedRef;
use crate::{Event, Result};

/// Where the events of one channel come in, at all hosts.
///
/// They are taken from Redis one at a time, and only while somebody waits: what a worker that goes
/// away does not take is for the next one, or goes back.
#[derive(Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// There is an event for one who waits.
    arrived: Notify,
    /// Somebody waits.
    wanted: Notify,
}

#[derive(Default)]
struct State {
    taken: VecDeque<Taken>,
    waiting: usize,
}

/// An event, and as what it lay in Redis.
struct Taken {
    event: Event,
    member: Vec<u8>,
    score: f64,
    host: usize,
}

impl Intake {
    /// The next event.
    ///
    /// Cancel safe: an event is taken at the last moment.
    pub(super) async fn next(&self) -> Event {
        let _waiting = Waiting::begin(self);
        loop {
            let mut arrived = pin!(self.arrived.notified());
            // From here on nothing is missed.
            arrived.as_mut().enable();
            if let Some(event) = self.take() {
                return event;
            }
            arrived.await;
        }
    }

    fn take(&self) -> Option<Event> {
        let mut state = self.state();
        let taken = state.taken.pop_front()?;
        if !state.taken.is_empty() {
            self.arrived.notify_one();
        }
        Some(taken.event)
    }

    /// Whether more wait than there are events for.
    fn is_wanted(&self) -> bool {
        let state = self.state();
        state.waiting > state.taken.len()
    }

    async fn until_wanted(&self) {
        loop {
            let mut wanted = pin!(self.wanted.notified());
            wanted.as_mut().enable();
            if self.is_wanted() {
                return;
            }
            wanted.await;
        }
    }

    fn give(&self, taken: Taken) {
        self.state().taken.push_back(taken);
        self.arrived.notify_one();
    }

    /// What nobody waits for any more.
    fn left_over(&self) -> Vec<Taken> {
        let mut state = self.state();
        let waiting = state.waiting.min(state.taken.len());
        state.taken.split_off(waiting).into()
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for an event.
struct Waiting<'a>(&'a Intake);

impl<'a> Waiting<'a> {
    fn begin(intake: &'a Intake) -> Self {
        intake.state().waiting += 1;
        intake.wanted.notify_waiters();
        Self(intake)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

/// Takes a channel's events from one host.
pub(super) struct Taker {
    pub(super) shared: SharedRef,
    pub(super) intake: Arc<Intake>,
    pub(super) key: String,
    pub(super) at: usize,
}

impl Taker {
    pub(super) async fn run(self) {
        let mut backoff = Backoff::new(self.shared.patience);
        loop {
            self.intake.until_wanted().await;
            sleep_until(backoff.until()).await;
            let attempt = backoff.failed();
            let patience = self.shared.patience + Duration::from_secs(BLOCK);
            let opened = open(self.host(), attempt, patience, |_| {}).await;
            let error = match opened {
                Ok(redis) => self.take(redis, &mut backoff).await,
                Err(error) => error,
            };
            tracing::warn!(%error, "a worker's channel hears nothing from Redis");
        }
    }

    /// Takes events until that fails.
    async fn take(&self, mut redis: MultiplexedConnection, backoff: &mut Backoff) -> crate::Error {
        loop {
            if let Err(error) = self.give_back().await {
                return error;
            }
            self.intake.until_wanted().await;
            let popped: redis::RedisResult<Option<(String, Vec<u8>, f64)>> = redis::cmd("BZPOPMIN")
                .arg(&self.key)
                .arg(BLOCK)
                .query_async(&mut redis)
                .await;
            match popped {
                Ok(Some((_, member, score))) => self.read(member, score),
                Ok(None) => {}
                Err(error) => return failure(self.host(), error),
            }
            backoff.succeeded();
        }
    }

    fn read(&self, member: Vec<u8>, score: f64) {
        match self
            .shared
            .members
            .read(&member, Some(self.shared.lifetime()))
        {
            Ok(received) => self.intake.give(Taken {
                event: received.event,
                member,
                score,
                host: self.at,
            }),
            Err(error) => self.shared.dropped(&error),
        }
    }

    /// Puts what was taken for somebody who has gone back where it was.
    pub(super) async fn give_back(&self) -> Result {
        let mut left_over = self.intake.left_over();
        while let Some(taken) = left_over.pop() {
            let mut commands = redis::pipe();
            commands
                .cmd("ZADD")
                .arg(&self.key)
                .arg(taken.score)
                .arg(&taken.member)
                .ignore();
            let expiry = self.shared.bounds.expiry;
            commands.cmd("EXPIRE").arg(&self.key).arg(expiry).ignore();
            let host = &self.shared.hosts[taken.host];
            if let Err(error) = host.run_all::<()>(&commands).await {
                self.intake.give(taken);
                for taken in left_over {
                    self.intake.give(taken);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn host(&self) -> &super::super::hosts::Host {
        self.shared.hosts[self.at].host()
    }
}
