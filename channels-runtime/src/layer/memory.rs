//! The layer of one process: good for production on one machine.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::hub::{Hub, Names};
use super::{Channel, ChannelLayer, Delivery, LayerFuture, Receiver};
use crate::{ChannelName, Event, GroupName};

/// A channel layer within one process.
///
/// An event travels as the value that was sent, behind an `Arc`. A group send takes one lock for
/// as long as a lookup takes, and none while it delivers. Nothing expires and nothing is swept:
/// a membership ends with its channel.
///
/// # Examples
///
/// ```
/// use channels_runtime::{ChannelLayer, Event, GroupName, InMemoryChannelLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// let layer = InMemoryChannelLayer::new();
/// let event = Event::new("call.back", serde_json::json!({ "message": "hi" }))?;
/// let delivery = layer.group_send(GroupName::new("f1")?, event, None).await?;
/// assert_eq!(delivery.matched, 0); // nobody is there yet
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InMemoryChannelLayer(Hub);

impl InMemoryChannelLayer {
    /// A new, empty layer. Clones of it are the same layer.
    pub fn new() -> Self {
        let random = RandomState::new().hash_one("prefix") >> 32;
        let prefix = format!("specific.{random:08x}!");
        Self(Hub::new(Names { prefix, digits: 1 }, None))
    }

    /// How many channels are open.
    pub fn channel_count(&self) -> usize {
        self.0.channel_count()
    }

    /// How many groups have members.
    pub fn group_count(&self) -> usize {
        self.0.group_count()
    }

    /// How many members a group has.
    pub fn member_count(&self, group: GroupName<'_>) -> usize {
        self.0.member_count(group.as_str())
    }
}

impl Default for InMemoryChannelLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemoryChannelLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryChannelLayer")
            .field("channels", &self.channel_count())
            .field("groups", &self.group_count())
            .finish()
    }
}

impl ChannelLayer for InMemoryChannelLayer {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        LayerFuture::ready(self.0.open(receiver))
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.0.send(channel, event))
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.0.group_add(group.as_str(), channel).map(drop))
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.0.group_discard(group.as_str(), channel))
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        LayerFuture::ready(self.0.group_send(group.as_str(), &event, except))
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.0.flush();
        LayerFuture::ready(Ok(()))
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.0.close();
        LayerFuture::ready(Ok(()))
    }
}
