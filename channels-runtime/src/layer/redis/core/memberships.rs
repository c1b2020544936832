//! The memberships of this process' channels, which it keeps alive in Redis.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

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
    /// Channels that are gone, with their groups: still to be taken out of Redis.
    leaving: Vec<Membership>,
}

/// A channel in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) channel: String,
}

impl Memberships {
    pub(super) fn add(&self, group: &str, channel: &str) {
        let mut state = self.state();
        let groups = state.groups.entry(channel.to_owned()).or_default();
        groups.insert(group.to_owned());
    }

    pub(super) fn remove(&self, group: &str, channel: &str) {
        let mut state = self.state();
        if let Some(groups) = state.groups.get_mut(channel) {
            groups.remove(group);
            if groups.is_empty() {
                state.groups.remove(channel);
            }
        }
    }

    /// The channel is gone, and whoever drops it cannot wait for Redis.
    pub(super) fn leave(&self, channel: &str) {
        let mut state = self.state();
        let groups = state.groups.remove(channel).unwrap_or_default();
        if groups.is_empty() {
            return;
        }
        let leaving = groups.into_iter().map(|group| Membership {
            group,
            channel: channel.to_owned(),
        });
        state.leaving.extend(leaving);
        drop(state);
        self.left.notify_one();
    }

    /// Waits until somebody has left. Cancel safe.
    pub(super) async fn somebody_left(&self) {
        self.left.notified().await;
    }

    pub(super) fn take_leaving(&self) -> Vec<Membership> {
        std::mem::take(&mut self.state().leaving)
    }

    /// They could not be taken out: once more, later.
    pub(super) fn put_back(&self, leaving: Vec<Membership>) {
        self.state().leaving.extend(leaving);
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
