//! The groups of one channel.

use std::collections::HashSet;
use std::sync::Arc;

/// Up to so many names are compared one by one. A hash set takes more memory, and most channels are in
/// one group.
const FEW: usize = 8;

/// The names of the groups in which a channel is a member. Adding and removing take constant time.
pub(in crate::layer) enum Groups {
    /// At most [`FEW`], in a list of exactly their number.
    Few(Box<[Arc<str>]>),
    #[expect(
        clippy::box_collection,
        reason = "a set takes 48 bytes in each channel"
    )]
    Many(Box<HashSet<Arc<str>>>),
}

impl Groups {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(set) => set.len(),
        }
    }

    pub(super) fn contains(&self, group: &str) -> bool {
        match self {
            Self::Few(list) => list.iter().any(|known| &**known == group),
            Self::Many(set) => set.contains(group),
        }
    }

    /// Adds a group that is not there yet.
    pub(super) fn insert(&mut self, group: Arc<str>) {
        match self {
            Self::Many(set) => {
                set.insert(group);
            }
            Self::Few(list) if list.len() < FEW => {
                let mut groups = std::mem::take(list).into_vec();
                groups.reserve_exact(1);
                groups.push(group);
                *list = groups.into_boxed_slice();
            }
            Self::Few(list) => {
                let groups = std::mem::take(list).into_vec().into_iter();
                *self = Self::Many(Box::new(groups.chain([group]).collect()));
            }
        }
    }

    /// Removes a group. Returns whether it was there.
    pub(super) fn remove(&mut self, group: &str) -> bool {
        match self {
            Self::Few(list) => {
                let Some(at) = list.iter().position(|known| &**known == group) else {
                    return false;
                };
                let mut groups = std::mem::take(list).into_vec();
                groups.swap_remove(at);
                *list = groups.into_boxed_slice();
                true
            }
            Self::Many(set) => {
                let was_there = set.remove(group);
                // Half of them, so that a channel that joins and leaves does not convert each time.
                if set.len() <= FEW / 2 {
                    *self = Self::Few(set.drain().collect());
                }
                was_there
            }
        }
    }

    /// Removes up to so many groups and returns them.
    pub(super) fn take(&mut self, most: usize) -> Vec<Arc<str>> {
        if self.len() <= most {
            return match std::mem::take(self) {
                Self::Few(list) => list.into_vec(),
                Self::Many(set) => set.into_iter().collect(),
            };
        }
        let taken: Vec<_> = self.iter().take(most).cloned().collect();
        for group in &taken {
            self.remove(group);
        }
        taken
    }

    pub(in crate::layer) fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        let (few, many) = match self {
            Self::Few(list) => (Some(list.iter()), None),
            Self::Many(set) => (None, Some(set.iter())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

impl Default for Groups {
    fn default() -> Self {
        Self::Few(Box::default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_channel_without_many_groups_takes_two_words() {
        assert_eq!(size_of::<Groups>(), 2 * size_of::<usize>());
    }

    proptest! {
        #[test]
        fn they_are_a_set(steps in proptest::collection::vec((any::<bool>(), 0..24_u8), 0..200)) {
            let (mut groups, mut expected) = (Groups::default(), BTreeSet::new());
            for (is_join, number) in steps {
                let name = number.to_string();
                if !is_join {
                    prop_assert_eq!(groups.remove(&name), expected.remove(&name));
                } else if !groups.contains(&name) {
                    groups.insert((&*name).into());
                    expected.insert(name);
                }
                prop_assert_eq!(groups.len(), expected.len());
                let names: BTreeSet<_> = groups.iter().map(ToString::to_string).collect();
                prop_assert_eq!(&names, &expected);
            }
            let mut taken = 0;
            while groups.len() > 0 {
                taken += groups.take(3).len();
            }
            prop_assert_eq!(taken, expected.len());
        }
    }
}
