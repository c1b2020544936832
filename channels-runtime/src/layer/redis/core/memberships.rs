//! The memberships of this process' channels at one host, which it keeps alive in Redis.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

/// How many are remembered that still have to be taken out. What is forgotten beyond it lies in Redis
/// until it expires: a name to which nobody listens.
const LEAVING: usize = 1 << 16;

/// How many of the last to leave are remembered, and for how long: no replica is so far behind.
const LEFT: usize = 1000;
const LATELY: Duration = Duration::from_secs(60);

/// Which channels are in which groups, by their names on the wire.
#[derive(Default)]
pub(super) struct Memberships {
    state: Mutex<State>,
    /// Somebody has left who cannot wait.
    left: Notify,
}

#[derive(Default)]
struct State {
    groups: HashMap<String, HashSet<String>>,
    /// Who is gone, and may still be in Redis. Never somebody who is in `groups`.
    leaving: HashSet<Membership>,
    /// The last to leave, and when.
    left: VecDeque<(Instant, Membership)>,
}

/// A channel in a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) channel: String,
}

impl Memberships {
    pub(super) fn add(&self, membership: &Membership) {
        let mut state = self.state();
        state.leaving.remove(membership);
        let groups = state.groups.entry(membership.channel.clone()).or_default();
        groups.insert(membership.group.clone());
    }

    pub(super) fn remove(&self, membership: &Membership) {
        let mut state = self.state();
        if let Some(groups) = state.groups.get_mut(&membership.channel) {
            groups.remove(&membership.group);
            if groups.is_empty() {
                state.groups.remove(&membership.channel);
            }
            // Those of other processes are their own business.
            state.remember(membership);
        }
    }

    /// Who is no member, and may be one in Redis.
    pub(super) fn take_out_later(&self, membership: Membership) {
        self.state().take_out_later(membership);
        self.left.notify_one();
    }

    /// The channel is gone, and whoever drops it cannot wait for Redis. Returns its groups.
    pub(super) fn leave(&self, channel: &str) -> HashSet<String> {
        let mut state = self.state();
        let groups = state.groups.remove(channel).unwrap_or_default();
        for group in &groups {
            let membership = Membership {
                group: group.clone(),
                channel: channel.to_owned(),
            };
            state.remember(&membership);
            state.take_out_later(membership);
            self.left.notify_one();
        }
        groups
    }

    /// Redis may have forgotten that the last ones have left.
    pub(super) fn leave_again(&self) {
        let mut state = self.state();
        for (left, membership) in std::mem::take(&mut state.left) {
            if left.elapsed() < LATELY {
                state.take_out_later(membership);
            }
        }
        self.left.notify_one();
    }

    /// Waits until somebody has left. Cancel safe.
    pub(super) async fn somebody_left(&self) {
        self.left.notified().await;
    }

    /// Some of those that still have to be taken out.
    pub(super) fn leaving(&self, most: usize) -> Vec<Membership> {
        self.state().leaving.iter().take(most).cloned().collect()
    }

    /// These have been taken out. Gives those who have joined again meanwhile.
    pub(super) fn have_left(&self, gone: Vec<Membership>) -> Vec<Membership> {
        let mut state = self.state();
        for membership in &gone {
            state.leaving.remove(membership);
        }
        gone.into_iter().filter(|it| state.has(it)).collect()
    }

    pub(super) fn has(&self, membership: &Membership) -> bool {
        self.state().has(membership)
    }

    pub(super) fn has_channel(&self, channel: &str) -> bool {
        self.state().groups.contains_key(channel)
    }

    pub(super) fn all(&self) -> Vec<Membership> {
        let state = self.state();
        let all = state.groups.iter().flat_map(|(channel, groups)| {
            groups.iter().map(|group| Membership {
                group: group.clone(),
                channel: channel.clone(),
            })
        });
        all.collect()
    }

    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }

    pub(super) fn group_count(&self) -> usize {
        let state = self.state();
        let groups: HashSet<_> = state.groups.values().flatten().collect();
        groups.len()
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_out_later(&mut self, membership: Membership) {
        if !self.has(&membership) && self.leaving.len() < LEAVING {
            self.leaving.insert(membership);
        }
    }

    fn remember(&mut self, left: &Membership) {
        if self.left.len() == LEFT {
            self.left.pop_front();
        }
        self.left.push_back((Instant::now(), left.clone()));
    }

    fn has(&self, membership: &Membership) -> bool {
        let groups = self.groups.get(&membership.channel);
        groups.is_some_and(|groups| groups.contains(&membership.group))
    }
}
