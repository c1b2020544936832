//! A channel layer for code that is not async.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{ChannelLayer, Delivery};
use crate::{ChannelName, Event, GroupName, Result};

/// A handle of a layer whose calls block: for threads outside of any runtime.
///
/// Inside an async function use the layer itself: blocking there would hold up the runtime, and
/// these calls panic.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use channels_runtime::{BlockingChannelLayer, Event, InMemoryChannelLayer};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let layer = BlockingChannelLayer::new(Arc::new(InMemoryChannelLayer::new()), runtime.handle());
/// let delivery = layer.group_send("f1", Event::new("call.back", ())?)?;
/// assert_eq!(delivery.matched, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BlockingChannelLayer {
    layer: Arc<dyn ChannelLayer>,
    runtime: Handle,
}

impl BlockingChannelLayer {
    /// Wraps a layer; the runtime is the one that drives it.
    pub fn new(layer: Arc<dyn ChannelLayer>, runtime: &Handle) -> Self {
        Self {
            layer,
            runtime: runtime.clone(),
        }
    }

    /// Sends an event to one channel.
    ///
    /// # Errors
    ///
    /// As [`ChannelLayer::send`].
    pub fn send(&self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        self.runtime
            .block_on(self.layer.send(channel, event.into()))
    }

    /// Sends an event to every member of a group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) if the name is not allowed, and as
    /// [`ChannelLayer::group_send`].
    pub fn group_send(&self, group: &str, event: impl Into<Event>) -> Result<Delivery> {
        let group = GroupName::new(group)?;
        self.runtime
            .block_on(self.layer.group_send(group, event.into(), None))
    }
}
