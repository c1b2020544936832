//! How a channel leaves its groups when its consumer is gone.

use tokio::runtime::Handle;

use super::{Entry, Hub, Number};

/// How many memberships are ended at once, in well below a millisecond, before other tasks run.
pub(super) const AT_ONCE: usize = 256;

/// Takes a channel out of the tables when its consumer is gone.
pub(super) struct Guard {
    pub(super) hub: Hub,
    pub(super) channel: Number,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Self { hub, channel } = self;
        let Some(entry) = hub.0.channel_shard(*channel).remove(channel) else {
            return;
        };
        // Nothing is delivered to the channel by its name from here on, and it can join no group.
        let mut leaving = Leaving {
            hub: hub.clone(),
            channel: *channel,
            entry,
        };
        if leaving.is_done_after_a_step() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                while !leaving.is_done_after_a_step() {
                    tokio::task::yield_now().await;
                }
            });
        }
    }
}

/// A channel that is gone, and the groups that it has still to leave.
///
/// Whatever becomes of the task that does so, it leaves them: the runtime may end before.
struct Leaving {
    hub: Hub,
    channel: Number,
    entry: Entry,
}

impl Leaving {
    fn is_done_after_a_step(&mut self) -> bool {
        for group in self.entry.groups.take(AT_ONCE) {
            self.hub.0.leave(&group, self.channel);
        }
        self.entry.groups.len() == 0
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        while !self.is_done_after_a_step() {}
    }
}
