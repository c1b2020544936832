//! The members of one group.

use std::collections::HashMap;
use std::sync::Arc;

use super::Number;
use crate::layer::Receiver;

/// The members of a group.
///
/// A send takes a snapshot by cloning the `Arc`; a join that meets a running send copies the list
/// then, and only then.
#[derive(Default)]
pub(super) struct Members {
    list: Arc<Vec<Member>>,
    positions: HashMap<Number, u32>,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) channel: Number,
    pub(super) receiver: Arc<dyn Receiver>,
}

impl Members {
    /// The members as they are now.
    pub(super) fn snapshot(&self) -> Arc<Vec<Member>> {
        Arc::clone(&self.list)
    }

    pub(super) fn list(&self) -> &[Member] {
        &self.list
    }

    #[cfg(feature = "redis")]
    pub(super) fn contains(&self, channel: Number) -> bool {
        self.positions.contains_key(&channel)
    }

    pub(super) fn add(&mut self, member: Member) {
        let list = Arc::make_mut(&mut self.list);
        self.positions.insert(member.channel, position(list.len()));
        list.push(member);
    }

    /// Removes a member and returns it: its receiver may have a destructor of the user's own, which
    /// must not run under a lock.
    pub(super) fn remove(&mut self, channel: Number) -> Option<Member> {
        let at = self.positions.remove(&channel)?;
        let list = Arc::make_mut(&mut self.list);
        let removed = list.swap_remove(at as usize);
        if let Some(moved) = list.get(at as usize) {
            self.positions.insert(moved.channel, at);
        }
        Some(removed)
    }
}

/// A group of more members than that does not fit into memory.
fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a group has fewer than four billion members")
}
