//! The latest joins and leaves of this process' channels, so that a membership counts when an event is
//! sent and not when it arrives.
//!
//! ```text
//! sender                     Redis                    this process
//! reads the members: a
//! pushes the event ────────▶ queue (census of a)
//! returns                                             b joins: members are a, b
//!                            queue ─────────────────▶ census of a, b is another one
//!                                                     undo "b joined": census of a is the event's
//!                                                     the event is delivered to a alone
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::census::{Census, number};

/// How many changes are remembered: about 100 bytes each.
const CHANGES: usize = 4096;

/// The order of changes within this process. A group may have more members in Redis; those of other
/// processes are counted there.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<VecDeque<Change>>);

#[derive(Debug)]
struct Change {
    group: Box<str>,
    channel: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Joined,
    Left,
}

impl Changes {
    /// To be called before the channel is a member: an entry that is too early does no harm.
    pub(super) fn joins(&self, group: &str, channel: &str) {
        self.push(group, channel, Kind::Joined);
    }

    /// To be called before the membership ends.
    pub(super) fn leaves(&self, group: &str, channel: &str) {
        self.push(group, channel, Kind::Left);
    }

    /// The members that a sender has counted, by their numbers: those of now, with the latest changes
    /// undone one after the other until the census is the sender's. `None` if it never is: too much
    /// has changed since, or another process has made a channel of this one a member.
    pub(super) fn members_at(
        &self,
        group: &str,
        sent: Census,
        now: impl Iterator<Item = u64>,
        except: Option<u64>,
    ) -> Option<BTreeSet<u64>> {
        let mut members: BTreeSet<u64> = now.collect();
        let mut census = Census::of_numbers(members.iter().copied());
        let changes = self.lock();
        let mut changes = changes.iter().rev().filter(|it| &*it.group == group);
        while census != sent {
            let change = changes.find(|it| except != Some(it.channel))?;
            match change.kind {
                Kind::Joined if members.remove(&change.channel) => {
                    census = census.without(change.channel);
                }
                Kind::Left if members.insert(change.channel) => {
                    census = census.with(change.channel);
                }
                _ => {}
            }
        }
        Some(members)
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn push(&self, group: &str, channel: &str, kind: Kind) {
        let Some(channel) = number(channel) else {
            return;
        };
        let group = group.into();
        let mut changes = self.lock();
        if changes.len() == CHANGES {
            changes.pop_front();
        }
        changes.push_back(Change {
            group,
            channel,
            kind,
        });
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(number: u64) -> String {
        format!("specific.x!{number:016x}")
    }

    fn census(members: &BTreeSet<u64>) -> Census {
        Census::of_numbers(members.iter().copied())
    }

    #[test]
    fn a_census_that_never_was_is_not_found() {
        let changes = Changes::default();
        changes.joins("g", &name(1));
        let never = Census::of_numbers([2].into_iter());
        assert_eq!(changes.members_at("g", never, [1].into_iter(), None), None);
    }

    #[test]
    fn the_oldest_changes_are_forgotten() {
        let changes = Changes::default();
        for number in 0..10_000 {
            changes.joins("g", &name(number));
        }
        assert_eq!(changes.lock().len(), CHANGES);
        let empty = Census::default();
        assert_eq!(changes.members_at("g", empty, 0..10_000, None), None);
        let known = Census::of_numbers(0..9_000);
        let members = changes.members_at("g", known, 0..10_000, None);
        assert_eq!(members, Some((0..9_000).collect()));
    }

    /// The entry is made first, so an event may come in between.
    #[test]
    fn an_entry_that_is_early_does_no_harm() {
        let changes = Changes::default();
        let before = BTreeSet::from([1]);
        changes.joins("g", &name(2));
        let found = changes.members_at("g", census(&before), [1].into_iter(), None);
        assert_eq!(found, Some(before.clone()));
        changes.leaves("g", &name(1));
        let found = changes.members_at("g", census(&before), [1].into_iter(), None);
        assert_eq!(found, Some(before));
    }

    proptest! {
        /// Whatever has come and gone since, each earlier state is found.
        #[test]
        fn every_state_is_found(
            steps in prop::collection::vec((0..5_u64, any::<bool>(), any::<bool>()), 0..60),
            except in prop::option::of(0..5_u64),
        ) {
            let (changes, mut members) = (Changes::default(), BTreeSet::new());
            let mut states = vec![members.clone()];
            for (number, joins, elsewhere) in steps {
                let group = if elsewhere { "other" } else { "g" };
                if joins {
                    changes.joins(group, &name(number));
                } else {
                    changes.leaves(group, &name(number));
                }
                if !elsewhere {
                    // As the layer does it: only what changes something is entered.
                    let is_change = joins != members.contains(&number);
                    if !is_change {
                        changes.lock().pop_back();
                    } else if joins {
                        members.insert(number);
                    } else {
                        members.remove(&number);
                    }
                    states.push(members.clone());
                }
            }
            let left = |members: &BTreeSet<u64>| {
                let left = members.iter().copied();
                left.filter(|it| except != Some(*it)).collect::<BTreeSet<_>>()
            };
            for state in states {
                let sent = left(&state);
                let now = left(&members).into_iter();
                let found = changes.members_at("g", census(&sent), now, except);
                prop_assert_eq!(found, Some(sent));
            }
        }
    }
}
