//! A job as plain `fn` handlers see it.

use std::ops::Deref;

use tokio::runtime::Handle;

use super::Job;
use crate::{ChannelName, Event, Result};

/// One event of a channel, in the hands of its worker's plain `fn` handlers, which may block.
///
/// What it has beside the methods here, it has by deref from [`Job`].
#[derive(Debug)]
pub struct BlockingJob(Job);

impl BlockingJob {
    pub(crate) fn new(job: Job) -> Self {
        Self(job)
    }

    pub(crate) fn as_async(&mut self) -> &mut Job {
        &mut self.0
    }

    /// Sends an event to every member of a group.
    ///
    /// # Errors
    ///
    /// As [`Job::group_send`].
    pub fn group_send(&mut self, group: &str, event: impl Into<Event>) -> Result {
        Handle::current().block_on(self.0.group_send(group, event))
    }

    /// Sends an event to one channel of the layer.
    ///
    /// # Errors
    ///
    /// As [`Job::channel_send`].
    pub fn channel_send(&mut self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        Handle::current().block_on(self.0.channel_send(channel, event))
    }
}

impl Deref for BlockingJob {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.0
    }
}
