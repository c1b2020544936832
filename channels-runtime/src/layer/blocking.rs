//! A channel layer for code that is not async.

use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use super::{ChannelLayer, ChannelLayers, Delivery, LayerFuture};
use crate::{ChannelName, Event, GroupName, Result};

/// A handle of a layer whose calls block: for threads outside of any runtime, and for programs that
/// have none: [`open`](Self::open) brings its own.
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
    runtime: Driver,
}

/// What drives the layer.
#[derive(Clone, Debug)]
enum Driver {
    Program(Handle),
    /// For a program without a runtime. It runs while a call does.
    Own(Arc<Runtime>),
}

impl BlockingChannelLayer {
    /// Wraps a layer; the runtime is the one that drives it.
    pub fn new(layer: Arc<dyn ChannelLayer>, runtime: &Handle) -> Self {
        Self {
            layer,
            runtime: Driver::Program(runtime.clone()),
        }
    }

    /// Opens a layer by its URL, as [`ChannelLayers::from_urls`] does, for a program that has no
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a URL that cannot be used,
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the operating system gives no runtime.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use channels_runtime::{BlockingChannelLayer, Event};
    ///
    /// # fn main() -> channels_runtime::Result {
    /// let layer = BlockingChannelLayer::open("redis+pubsub://localhost:6379")?;
    /// let event = Event::new("chat.message", serde_json::json!({ "text": "from a script" }))?;
    /// layer.group_send("room.rust", event)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        Self::of(&ChannelLayers::from_urls(url)?)
    }

    /// Opens the layer `default` of the environment's `CHANNEL_LAYERS`, for a program that has no
    /// runtime.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_env() -> Result<Self> {
        Self::of(&ChannelLayers::from_env()?)
    }

    fn of(layers: &ChannelLayers) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            layer: Arc::clone(layers.default_layer()?),
            runtime: Driver::Own(Arc::new(runtime)),
        })
    }

    /// Sends an event to one channel.
    ///
    /// # Errors
    ///
    /// As [`ChannelLayer::send`].
    pub fn send(&self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        self.wait(self.layer.send(channel, event.into()))
    }

    /// Sends an event to every member of a group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) if the name is not allowed, and as
    /// [`ChannelLayer::group_send`].
    pub fn group_send(&self, group: &str, event: impl Into<Event>) -> Result<Delivery> {
        let group = GroupName::new(group)?;
        self.wait(self.layer.group_send(group, event.into(), None))
    }

    fn wait<T: Unpin>(&self, future: LayerFuture<'_, T>) -> Result<T> {
        match &self.runtime {
            Driver::Program(runtime) => runtime.block_on(future),
            Driver::Own(runtime) => runtime.block_on(future),
        }
    }
}
