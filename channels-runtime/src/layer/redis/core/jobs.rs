//! What comes in for workers: the events of a channel that no process owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::Pipeline;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::super::backoff::Backoff;
use super::super::hosts::Host;
use super::super::outage::Outage;
use super::super::refused::Found;
use super::scripts::{CLAIM, RELEASE};
use super::shared::SharedRef;
use super::watch::Watch;
use crate::{ChannelName, Error, Event, Result};

/// Where the events of one channel come in, at all hosts.
///
/// They are taken from Redis one at a time, and only while somebody waits: what a worker that goes
/// away does not take goes back.
#[derive(Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// There is an event for one who waits.
    arrived: Notify,
    /// There may be something to do at Redis.
    turned: Notify,
    /// How many commands were sent to Redis.
    commands: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: usize,
    /// The events that nobody has yet, and the hosts from which they came: one of each at most.
    at_hand: VecDeque<(usize, Event)>,
    /// What arrived last from each host, as it lay there, unless it has gone back.
    last: BTreeMap<usize, Vec<u8>>,
    /// The hosts that may hold something as taken which did not arrive, or is to go back.
    unsettled: BTreeSet<usize>,
}

/// What is to be done at a host.
enum Task {
    Claim,
    Release,
}

impl Intake {
    /// The next event.
    ///
    /// Cancel safe: an event is taken at the last moment.
    pub(super) async fn next(&self) -> Event {
        let mut waiting = Waiting::begin(self);
        loop {
            let mut arrived = pin!(self.arrived.notified());
            // From here on nothing is missed.
            arrived.as_mut().enable();
            if let Some(event) = waiting.take() {
                return event;
            }
            arrived.await;
        }
    }

    async fn task(&self, host: usize) -> Task {
        loop {
            let mut turned = pin!(self.turned.notified());
            turned.as_mut().enable();
            if let Some(task) = self.state().task(host) {
                return task;
            }
            turned.await;
        }
    }

    /// Waits until there is something to do at a host.
    async fn until_busy(&self, host: usize) {
        self.task(host).await;
    }

    /// Says what arrived last from a host. Until it is settled, more may be taken than that.
    fn last(&self, host: usize) -> Vec<u8> {
        let mut state = self.state();
        state.unsettled.insert(host);
        state.last.get(&host).cloned().unwrap_or_default()
    }

    /// Higher than that of any command before.
    fn number(&self) -> u64 {
        self.commands.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn settled(&self, host: usize) {
        self.state().unsettled.remove(&host);
    }

    /// Something has come: an event, unless it could not be read.
    fn arrived(&self, host: usize, member: Vec<u8>, event: Option<Event>) {
        let mut state = self.state();
        state.last.insert(host, member);
        state.unsettled.remove(&host);
        if let Some(event) = event {
            state.at_hand.push_back((host, event));
            drop(state);
            // Without the lock: a waker may be user code.
            self.arrived.notify_one();
        }
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn task(&mut self, host: usize) -> Option<Task> {
        let is_at_hand = self.at_hand.iter().any(|(from, _)| *from == host);
        if self.waiting > self.at_hand.len() && !is_at_hand {
            return Some(Task::Claim);
        }
        if self.waiting < self.at_hand.len() && is_at_hand {
            self.give_back(host);
        }
        self.unsettled.contains(&host).then_some(Task::Release)
    }

    /// What arrived and is still here is as if it had not arrived: Redis has it as taken.
    fn give_back(&mut self, host: usize) {
        let Some(at) = self.at_hand.iter().position(|(from, _)| *from == host) else {
            return;
        };
        self.at_hand.remove(at);
        self.last.remove(&host);
        self.unsettled.insert(host);
    }
}

/// Somebody who waits for an event.
struct Waiting<'a> {
    intake: &'a Intake,
    is_served: bool,
}

impl<'a> Waiting<'a> {
    fn begin(intake: &'a Intake) -> Self {
        intake.state().waiting += 1;
        intake.turned.notify_waiters();
        Self {
            intake,
            is_served: false,
        }
    }

    fn take(&mut self) -> Option<Event> {
        let mut state = self.intake.state();
        let (_, event) = state.at_hand.pop_front()?;
        state.waiting -= 1;
        self.is_served = true;
        Some(event)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.intake.state();
        if !self.is_served {
            state.waiting -= 1;
        }
        // The word of an event may have come to the one who leaves.
        let passes_on = !state.at_hand.is_empty();
        drop(state);
        if passes_on {
            self.intake.arrived.notify_one();
        }
        self.intake.turned.notify_waiters();
    }
}

/// Takes a channel's events from one host.
pub(super) struct Taker {
    pub(super) shared: SharedRef,
    pub(super) intake: Arc<Intake>,
    pub(super) channel: ChannelName,
    pub(super) key: String,
    pub(super) at: usize,
}

impl Taker {
    pub(super) async fn run(&self) {
        let mut backoff = Backoff::new(self.shared.patience);
        let mut outage = Outage::new("a worker's channel hears nothing from Redis");
        loop {
            self.intake.until_busy(self.at).await;
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
            let done = match self.intake.task(self.at).await {
                Task::Claim => self.claim(&mut watch).await,
                Task::Release => self.release().await,
            };
            if let Err(error) = done {
                return error;
            }
            backoff.succeeded();
            outage.over(self.host());
        }
    }

    /// Takes an event. If there is none, waits until there may be one.
    async fn claim(&self, watch: &mut Watch) -> Result {
        let mut commands = redis::pipe();
        self.tell(CLAIM.add_to(&mut commands, &self.keys()));
        commands.exists(&self.key);
        let (taken, more): (Option<Vec<u8>>, bool) = watch.run(&commands).await?;
        let Some(member) = taken else {
            self.intake.settled(self.at);
            if !more {
                watch.told().await;
            }
            return Ok(());
        };
        let lifetime = Some(self.shared.lifetime());
        let read = self.shared.members.read(&member, lifetime);
        let read = read.inspect_err(|(error, _)| {
            let found = Found::channel(self.channel.as_str());
            self.shared.refused.dropped(found, error);
        });
        let event = read.ok().map(|received| received.event);
        self.intake.arrived(self.at, member, event);
        Ok(())
    }

    /// Puts back what did not arrive here, or was taken for somebody who has gone.
    async fn release(&self) -> Result {
        let mut commands = redis::pipe();
        self.tell(RELEASE.add_to(&mut commands, &self.keys()));
        let host = &self.shared.stations[self.at].commands;
        host.run_all::<()>(&commands).await?;
        self.intake.settled(self.at);
        Ok(())
    }

    /// What both scripts are told.
    fn tell(&self, command: &mut Pipeline) {
        command
            .arg(self.intake.last(self.at))
            .arg(self.shared.bounds.expiry)
            .arg(self.intake.number());
    }

    fn keys(&self) -> [String; 2] {
        [self.key.clone(), self.taken_key()]
    }

    /// The end: what nobody has got is for other processes.
    pub(super) async fn close(&self) -> Result {
        self.intake.state().give_back(self.at);
        self.release().await
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
