//! How a channel leaves its groups when its consumer is gone.

use super::shared::SharedRef;
use crate::layer::Channel;

/// Takes a channel out of its groups when its consumer is gone.
pub(super) struct Guard {
    pub(super) shared: SharedRef,
    pub(super) channel: Channel,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let channel = self.channel.name().as_str();
        for station in &self.shared.stations {
            for group in station.memberships.leave(channel) {
                self.shared.changes.leaves(&group, channel);
            }
        }
    }
}
