//! The topics of one station: which ones this process wants there, and which ones it hears.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use super::super::hosts::Host;
use super::super::outage::Failure;
use crate::layer::hub::Turn;
use crate::{Error, ErrorKind, Result};

/// What stands between those who join and leave and the one who subscribes.
///
/// Lock order: `state` before the hub's, and the hub's before `turned`.
#[derive(Default)]
pub(super) struct Topics {
    /// The topics that are to be looked at. While Redis is away nobody does: a topic that was joined
    /// meanwhile, and left again, is taken out, or the names of all groups that clients choose would stay.
    turned: Mutex<HashMap<Arc<str>, Look>>,
    work: Notify,
    state: Mutex<State>,
    moved: Notify,
}

/// Why a topic is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Its group has got members, and Redis has been told nothing of it since it had none.
    New,
    Changed,
}

#[derive(Default)]
struct State {
    connected: bool,
    /// What Redis has been asked for, and has not confirmed.
    asked: HashSet<Arc<str>>,
    /// What Redis has confirmed, and nobody is about to give up.
    heard: HashSet<Arc<str>>,
    /// What was heard once, and since when it was not.
    missed: HashMap<Arc<str>, SystemTime>,
    /// Why there is no connection.
    failure: Option<Failure>,
}

/// What this process wants of a topic at a station.
pub(super) enum Wish {
    /// To hear it.
    Here,
    /// To hear it, but another station has it.
    Elsewhere,
    None,
}

/// What is to be done at Redis.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) subscribe: Vec<Arc<str>>,
    pub(super) unsubscribe: Vec<Arc<str>>,
}

/// For those who join and leave.
impl Topics {
    /// A topic is wanted now, or no longer.
    pub(super) fn turn(&self, topic: &Arc<str>, turn: Turn) {
        let mut turned = lock(&self.turned);
        match (turn, turned.get(topic)) {
            (Turn::FirstMember, None) => {
                turned.insert(Arc::clone(topic), Look::New);
            }
            (Turn::FirstMember, Some(_)) | (Turn::LastMember, Some(Look::Changed)) => {}
            (Turn::LastMember, Some(Look::New)) => {
                turned.remove(topic);
            }
            (Turn::LastMember, None) => {
                turned.insert(Arc::clone(topic), Look::Changed);
            }
        }
        drop(turned);
        self.work.notify_one();
    }

    /// A topic has to be looked at, whether it is wanted or not.
    pub(super) fn look_at(&self, topic: &Arc<str>) {
        lock(&self.turned).insert(Arc::clone(topic), Look::Changed);
        self.work.notify_one();
    }

    /// Whether what is published on a topic reaches this process.
    pub(super) fn hears(&self, topic: &str) -> bool {
        lock(&self.state).hears(topic)
    }

    /// Waits until it does. Cancel safe.
    ///
    /// # Errors
    ///
    /// That of the listener as soon as Redis refuses something, and [`ErrorKind::Unavailable`] after
    /// `patience`.
    pub(super) async fn until_hears(&self, topic: &str, host: &Host, patience: Duration) -> Result {
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
                        && failure.is_refusal()
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
    pub(super) fn changes(&self, wish: impl Fn(&str) -> Wish) -> Changes {
        let turned = std::mem::take(&mut *lock(&self.turned));
        let mut state = lock(&self.state);
        let mut changes = Changes::default();
        for topic in turned.into_keys() {
            match (wish(&topic), state.heard.contains(&topic)) {
                (Wish::Here, true) | (Wish::Elsewhere, false) => {}
                (Wish::Here, false) => {
                    state.asked.insert(Arc::clone(&topic));
                    changes.subscribe.push(topic);
                }
                (Wish::Elsewhere, true) => {
                    state.lose(&topic);
                    changes.unsubscribe.push(topic);
                }
                (Wish::None, is_heard) => {
                    // Who is no member has missed nothing.
                    state.missed.remove(&topic);
                    if is_heard {
                        state.heard.remove(&topic);
                        changes.unsubscribe.push(topic);
                    }
                }
            }
        }
        changes
    }

    /// Whether what comes here on a topic is to be taken. What is late, of a connection that is lost or
    /// a node whose topic is elsewhere by now, would come out of order, behind the word of a gap.
    pub(super) fn takes(&self, topic: &str) -> bool {
        lock(&self.state).heard.contains(topic)
    }

    /// Redis has confirmed a topic. Tells whether it was the last of those it has been asked for.
    pub(super) fn heard(&self, topic: &str) -> bool {
        let mut state = lock(&self.state);
        let Some(topic) = state.asked.take(topic) else {
            return false;
        };
        state.heard.insert(topic);
        let is_last = state.asked.is_empty();
        drop(state);
        self.moved.notify_waiters();
        is_last
    }

    /// All answers are here: what was not confirmed is refused. Tells whether something was.
    pub(super) fn answered(&self) -> bool {
        let mut state = lock(&self.state);
        let refused = std::mem::take(&mut state.asked);
        !refused.is_empty()
    }

    /// Everything that was wanted is heard.
    pub(super) fn connected(&self) {
        let mut state = lock(&self.state);
        state.connected = true;
        state.failure = None;
        drop(state);
        self.moved.notify_waiters();
    }

    /// What was missed and is heard again, and since when it was not.
    pub(super) fn take_missed(&self) -> Option<(HashSet<Arc<str>>, SystemTime)> {
        let mut state = lock(&self.state);
        let State { missed, heard, .. } = &mut *state;
        let again = missed.extract_if(|topic, _| heard.contains(topic));
        let (topics, since): (HashSet<_>, Vec<_>) = again.unzip();
        Some((topics, since.into_iter().min()?))
    }

    /// Nothing is heard any more, since then.
    pub(super) fn lost(&self, error: &Error, since: SystemTime) {
        let mut state = lock(&self.state);
        let before = std::mem::take(&mut *state);
        state.missed = before.missed;
        for topic in before.heard {
            state.missed.entry(topic).or_insert(since);
        }
        state.failure = Some(error.into());
        drop(state);
        self.moved.notify_waiters();
    }
}

/// For the one who knows which nodes of a cluster have what.
impl Topics {
    /// Redis has taken a topic away. Tells whether it was heard.
    pub(super) fn taken_away(&self, topic: &str) -> bool {
        lock(&self.state).lose(topic)
    }

    /// Gives up what belongs elsewhere: what was heard, or was missed, and since when.
    pub(super) fn give_up(&self, keeps: impl Fn(&str) -> bool) -> Vec<(Arc<str>, SystemTime)> {
        let mut state = lock(&self.state);
        let State { missed, heard, .. } = &mut *state;
        let missed = missed.extract_if(|topic, _| !keeps(topic));
        let heard = heard.extract_if(|topic| !keeps(topic));
        let now = SystemTime::now();
        missed.chain(heard.map(|topic| (topic, now))).collect()
    }

    /// A topic that belongs here by now was not heard since then.
    pub(super) fn missed(&self, topic: &Arc<str>, since: SystemTime) {
        let mut state = lock(&self.state);
        state.missed.entry(Arc::clone(topic)).or_insert(since);
        drop(state);
        self.look_at(topic);
    }

    /// Sees that a topic is heard that belongs here.
    pub(super) fn claim(&self, topic: &Arc<str>) {
        if !lock(&self.state).heard.contains(topic) {
            self.look_at(topic);
        }
    }
}

impl State {
    /// A topic is not heard from now on, though it is wanted. Tells whether it was.
    fn lose(&mut self, topic: &str) -> bool {
        let lost = self.heard.take(topic);
        let is_lost = lost.is_some();
        if let Some(topic) = lost {
            self.missed.entry(topic).or_insert_with(SystemTime::now);
        }
        is_lost
    }

    fn hears(&self, topic: &str) -> bool {
        self.connected && self.heard.contains(topic)
    }
}

/// No code panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(topics: &Topics, topic: &Arc<str>) {
        topics.turn(topic, Turn::FirstMember);
        let changes = topics.changes(|_| Wish::Here);
        assert_eq!(changes.subscribe, [Arc::clone(topic)]);
        assert!(topics.heard(topic), "it is the last one");
        assert!(!topics.answered(), "nothing is refused");
    }

    /// Whoever looks at it before it has been given up knows already that it is elsewhere.
    #[test]
    fn what_goes_elsewhere_takes_along_since_when_it_was_missed() {
        let (topics, topic) = (Topics::default(), Arc::from("t"));
        for is_taken_away in [true, false] {
            heard(&topics, &topic);
            if is_taken_away {
                assert!(topics.taken_away(&topic));
                assert!(!topics.taken_away(&topic), "once");
            }
            topics.look_at(&topic);
            let changes = topics.changes(|_| Wish::Elsewhere);
            assert_eq!(changes.unsubscribe.is_empty(), is_taken_away);
            assert!(!topics.takes(&topic));
            let given_up = topics.give_up(|_| false);
            assert_eq!(given_up.len(), 1);
            assert_eq!(given_up[0].0, topic);
        }
    }

    #[test]
    fn what_was_missed_elsewhere_is_told_here() {
        let (topics, topic) = (Topics::default(), Arc::from("t"));
        heard(&topics, &topic);
        let since = SystemTime::now();
        topics.missed(&topic, since);
        assert!(topics.changes(|_| Wish::Here).subscribe.is_empty());
        let told = topics.take_missed();
        assert_eq!(told, Some((HashSet::from([topic.clone()]), since)));
        assert_eq!(topics.take_missed(), None, "once");

        topics.missed(&topic, since);
        topics.changes(|_| Wish::None);
        assert_eq!(topics.take_missed(), None, "nobody is there any more");
    }

    #[test]
    fn what_is_joined_and_left_during_an_outage_leaves_nothing() {
        let topics = Topics::default();
        for number in 0..10_000 {
            let topic = Arc::from(number.to_string());
            topics.turn(&topic, Turn::FirstMember);
            topics.turn(&topic, Turn::LastMember);
        }
        assert!(lock(&topics.turned).is_empty());
    }

    #[test]
    fn what_is_left_and_joined_again_is_looked_at() {
        let (topics, topic) = (Topics::default(), Arc::from("t"));
        heard(&topics, &topic);
        // Redis knows it: if it is left in the end, Redis has to be told.
        for turn in [Turn::LastMember, Turn::FirstMember, Turn::LastMember] {
            topics.turn(&topic, turn);
        }
        assert_eq!(topics.changes(|_| Wish::None).unsubscribe, [topic]);
    }
}
