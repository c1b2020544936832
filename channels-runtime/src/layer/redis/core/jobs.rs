//! What comes in for workers: the events of a channel that no process owns.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::super::connection::Backoff;
use super::super::hosts::Host;
use super::super::outage::Outage;
use super::scripts::{CLAIM, RELEASE};
use super::shared::SharedRef;
use super::watch::Watch;
use crate::{Error, Event, Result};

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
    /// What arrived last, from each host.
    last: BTreeMap<usize, Vec<u8>>,
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

    fn last(&self, host: usize) -> Vec<u8> {
        self.state().last.get(&host).cloned().unwrap_or_default()
    }

    fn arrived(&self, host: usize, member: Vec<u8>) {
        self.state().last.insert(host, member);
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
        let mut outage = Outage::new("a worker's channel hears nothing from Redis");
        loop {
            self.intake.until_wanted().await;
            sleep_until(backoff.until()).await;
            let attempt = backoff.failed();
            let opened = Watch::open(self.host(), attempt, self.shared.patience).await;
            let error = match opened {
                Ok(watch) => self.take(watch, &mut backoff, &mut outage).await,
                Err(error) => error,
            };
            outage.failed(&error);
        }
    }

    /// Takes events until that fails.
    async fn take(&self, mut watch: Watch, backoff: &mut Backoff, outage: &mut Outage) -> Error {
        loop {
            if let Err(error) = self.give_back().await {
                return error;
            }
            self.intake.until_wanted().await;
            match self.claim(&mut watch).await {
                Ok(true) => {}
                Ok(false) => watch.changed().await,
                Err(error) => return error,
            }
            backoff.succeeded();
            outage.over(self.host());
        }
    }

    /// Takes an event; tells whether there may be more.
    async fn claim(&self, watch: &mut Watch) -> Result<bool> {
        let mut commands = redis::pipe();
        CLAIM
            .add_to(&mut commands, &[&self.key, &self.taken_key()])
            .arg(self.intake.last(self.at))
            .arg(self.shared.bounds.expiry);
        commands.exists(&self.key);
        let (taken, more): (Option<(Vec<u8>, f64)>, bool) = watch.run(&commands).await?;
        let Some((member, score)) = taken else {
            return Ok(more);
        };
        self.intake.arrived(self.at, member.clone());
        self.read(member, score);
        Ok(true)
    }

    fn read(&self, member: Vec<u8>, score: f64) {
        let lifetime = Some(self.shared.lifetime());
        match self.shared.members.read(&member, lifetime) {
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
    async fn give_back(&self) -> Result {
        let mut left_over = self.intake.left_over();
        while let Some(taken) = left_over.pop() {
            let mut commands = redis::pipe();
            commands
                .zadd(&self.key, &taken.member, taken.score)
                .ignore();
            let expiry = i64::try_from(self.shared.bounds.expiry).unwrap_or(i64::MAX);
            commands.expire(&self.key, expiry).ignore();
            let host = &self.shared.stations[taken.host].commands;
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

    /// The end: what nobody has got is for other processes.
    pub(super) async fn release(&self) -> Result {
        self.give_back().await?;
        let host = &self.shared.stations[self.at].commands;
        let keys = [&self.key, &self.taken_key()];
        RELEASE
            .run(host, &keys, |command| {
                command.arg(self.intake.last(self.at));
                command.arg(self.shared.bounds.expiry);
            })
            .await
    }

    /// What this process has taken last from the queue: as the backup of `channels_redis`, but for
    /// each process.
    fn taken_key(&self) -> String {
        format!("{}$inflight.{}", self.key, self.shared.own_queue)
    }

    fn host(&self) -> &Host {
        self.shared.stations[self.at].host()
    }
}
