//! The layer of one process: good for production on one machine.

mod queues;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use self::queues::Queues;
use super::hub::{Hub, Names};
use super::{Channel, ChannelLayer, Delivery, LayerFuture, Receiver, check_is_queue};
use crate::{ChannelName, Event, GroupName, Result};

/// Channels' defaults: how many events wait for workers in a channel, and how long.
const QUEUE_CAPACITY: usize = 100;
const QUEUE_EXPIRY: Duration = Duration::from_secs(60);

/// A channel layer within one process.
///
/// An event travels as the value that was sent, behind an `Arc`. A group send takes one lock for
/// as long as a lookup takes, and none while it delivers. Nothing expires and nothing is swept:
/// a membership ends with its channel.
///
/// An event that a layer over Redis could not carry, as one with the integer `u128::MAX`, works in one
/// process. So that a test shows the mistake, a send of such an event fails with
/// [`ErrorKind::Encode`](crate::ErrorKind::Encode) in builds with debug assertions. Other builds do not
/// encode events.
///
/// What is sent to a channel that no connection has, `thumbnails` say, waits for a
/// [`Worker`](crate::Worker): up to 100 events, each for a minute, in up to 1,000 channels, 64 MiB in all.
/// A send beyond that fails with [`ErrorKind::ChannelFull`](crate::ErrorKind::ChannelFull).
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
pub struct InMemoryChannelLayer {
    hub: Hub,
    queues: Arc<Queues>,
}

impl InMemoryChannelLayer {
    /// A new, empty layer. Clones of it are the same layer.
    pub fn new() -> Self {
        Self::with_queues(QUEUE_CAPACITY, QUEUE_EXPIRY)
    }

    /// A new layer in whose channels for workers so many events may wait, each for so long, instead
    /// of 100 for a minute.
    pub fn with_queues(capacity: usize, expiry: Duration) -> Self {
        let random = RandomState::new().hash_one("prefix") >> 32;
        let prefix = format!("specific.{random:08x}!");
        Self {
            hub: Hub::new(Names { prefix, digits: 1 }, None),
            queues: Arc::new(Queues::new(capacity, expiry)),
        }
    }

    /// Sets in how many channels for workers events may wait at the same time. Defaults to 1,000. It
    /// protects the process from a client that chooses the names of channels. A send to one more channel
    /// fails with [`ErrorKind::ChannelFull`](crate::ErrorKind::ChannelFull).
    ///
    /// Call it before the layer is used or cloned: what waits already is dropped.
    #[must_use]
    pub fn max_queues(mut self, most: usize) -> Self {
        self.queues = Arc::new(self.queues.with_most(most));
        self
    }

    /// Sets how much memory the events that wait for workers may take, in bytes. Defaults to 64 MiB. An
    /// event counts with what its payload serializes to, and with 128 bytes of bookkeeping. A send beyond
    /// it fails with [`ErrorKind::ChannelFull`](crate::ErrorKind::ChannelFull).
    ///
    /// Call it before the layer is used or cloned: what waits already is dropped.
    #[must_use]
    pub fn max_queued_bytes(mut self, most: usize) -> Self {
        self.queues = Arc::new(self.queues.with_max_weight(most));
        self
    }

    /// Sends the event `layer.gap` to every open channel, as a layer over a network does after an outage.
    ///
    /// This layer itself never loses its connection. Use this method to test a consumer with a
    /// `#[handler("layer.gap")]`. `since` is the time from which events may have been lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) after [`close`](ChannelLayer::close).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use channels_runtime::InMemoryChannelLayer;
    ///
    /// let layer = InMemoryChannelLayer::new();
    /// layer.send_gap(SystemTime::now())?;
    /// # Ok::<(), channels_runtime::Error>(())
    /// ```
    #[cfg(feature = "testing")]
    pub fn send_gap(&self, since: std::time::SystemTime) -> Result {
        self.hub.check_open()?;
        self.hub.tell(&Event::gap(since)?, |_, _| true);
        Ok(())
    }

    /// In how many channels something waits for workers, or workers wait.
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// How many channels are open.
    pub fn channel_count(&self) -> usize {
        self.hub.channel_count()
    }

    /// How many groups have members.
    pub fn group_count(&self) -> usize {
        self.hub.group_count()
    }

    /// How many members a group has.
    pub fn member_count(&self, group: GroupName<'_>) -> usize {
        self.hub.member_count(group.as_str())
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

/// Refuses what the other layers refuse; where that costs much, in builds with debug assertions only.
fn check(event: &Event, group: Option<GroupName<'_>>) -> Result {
    event.check_sendable(group)?;
    if cfg!(debug_assertions) {
        event.check_portable()?;
    }
    Ok(())
}

impl ChannelLayer for InMemoryChannelLayer {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        LayerFuture::ready(self.hub.open(receiver))
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        let checked = self.hub.check_open();
        let checked = checked.and_then(|()| check(&event, None));
        LayerFuture::ready(match checked {
            Err(error) => Err(error.with_unsent(event)),
            Ok(()) if channel.is_specific() => self.hub.send(channel, event),
            Ok(()) => self.queues.push(channel, event),
        })
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.hub.group_add(group.as_str(), channel).map(drop))
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.hub.group_discard(group.as_str(), channel))
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        let checked = check(&event, Some(group));
        let sent = checked.and_then(|()| self.hub.group_send(group.as_str(), &event, except));
        LayerFuture::ready(sent.map_err(|error| error.with_unsent(event)))
    }

    fn receive<'a>(&'a self, channel: &'a ChannelName) -> LayerFuture<'a, Event> {
        LayerFuture::waiting(async {
            self.hub.check_open()?;
            check_is_queue(channel)?;
            self.queues.pop(channel).await
        })
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.queues.flush();
        LayerFuture::waiting(self.hub.flush())
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.hub.close();
        self.queues.close();
        LayerFuture::ready(Ok(()))
    }
}
