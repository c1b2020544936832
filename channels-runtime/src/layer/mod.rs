//! Channel layers: how consumers, workers and other programs reach each other.

mod blocking;
mod group;
mod hub;
mod isolated;
mod layers;
mod memory;
#[cfg(feature = "redis")]
mod redis;

#[cfg(fuzzing)]
pub(crate) use self::redis::{Format, Members};

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;

pub use self::blocking::BlockingChannelLayer;
pub use self::group::{Group, HandledBy};
pub use self::layers::ChannelLayers;
#[cfg(feature = "auth")]
pub(crate) use self::layers::DEFAULT;
pub use self::memory::InMemoryChannelLayer;
#[cfg(feature = "redis")]
pub use self::redis::{
    RedisChannelLayer, RedisChannelLayerBuilder, RedisPubSubChannelLayer,
    RedisPubSubChannelLayerBuilder,
};

use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// What carries events between channels, in one process or across many.
///
/// # Delivery
///
/// At most once, and in order for one sender that awaits each send. A receiver that is gone is
/// no error; a receiver that has no room for the event is an error for [`send`](Self::send) and a
/// number in [`Delivery`] for [`group_send`](Self::group_send). Nothing waits for a receiver.
///
/// # Membership
///
/// A channel is a member of a group until it is discarded, or until its [`Channel`] is dropped.
///
/// # Closing
///
/// After [`close`](Self::close) every call fails with [`ErrorKind::Layer`].
pub trait ChannelLayer: fmt::Debug + Send + Sync + 'static {
    /// Opens a channel of a new, unique name that delivers to the receiver until it is dropped.
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel>;

    /// Sends an event to one channel.
    ///
    /// Fails with [`ErrorKind::ChannelFull`] if that channel has no room; the event comes back
    /// with the error. Sending to a channel that is gone is no error.
    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()>;

    /// Makes a channel a member of a group. Twice is the same as once.
    ///
    /// It fails with [`ErrorKind::Limit`] if the channel is in as many groups as
    /// [`Receiver::max_groups`] allows, and with [`ErrorKind::Config`] for a channel that is not a
    /// connection's: workers share such a channel, and a membership ends with its connection.
    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()>;

    /// Ends a membership. Without one, nothing happens.
    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()>;

    /// Sends an event to every member of a group, but not to `except`.
    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery>;

    /// Takes the next event that was sent to a channel by a name of the program's own, `thumbnails`
    /// say, and waits for one: what workers do. Of several receivers, one gets it.
    ///
    /// They come in the order in which they were sent, unless the layer spreads them over several
    /// hosts.
    ///
    /// It fails with [`ErrorKind::Config`] if the layer keeps nothing for channels that nobody has
    /// opened, and if the channel is a connection's.
    ///
    /// If the future is dropped before it completes, no event is lost.
    fn receive<'a>(&'a self, channel: &'a ChannelName) -> LayerFuture<'a, Event> {
        let what = format!("this layer has no queues for workers: `{channel}` cannot be received");
        LayerFuture::ready(Err(Error::new(ErrorKind::Config, what)))
    }

    /// Forgets all memberships, and every event that still waits inside the layer.
    fn flush(&self) -> LayerFuture<'_, ()>;

    /// Closes the layer: nothing is sent or received any more.
    fn close(&self) -> LayerFuture<'_, ()>;
}

/// # Errors
///
/// [`ErrorKind::Config`] if the channel is a connection's, to which alone its events go.
fn check_is_queue(channel: &ChannelName) -> Result {
    if channel.is_specific() {
        let what = format!("`{channel}` is a connection's channel: no worker receives from it");
        return Err(Error::new(ErrorKind::Config, what));
    }
    Ok(())
}

/// The receiving end of a channel. Implemented by connections; called by layers.
pub trait Receiver: Send + Sync {
    /// Takes an event, or says why not. Never waits.
    ///
    /// A panic is caught and logged, and counted by
    /// [`Stats::isolated_panics`](crate::Stats::isolated_panics); the event then counts as dropped.
    fn deliver(&self, event: &Event) -> Delivered;

    /// The number of groups in which its channel may be at the same time. A connection returns
    /// [`Limits::groups`](crate::Limits::groups). The layer reads it once, when the channel is opened.
    /// Defaults to no limit.
    fn max_groups(&self) -> usize {
        usize::MAX
    }
}

/// What became of an event at one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivered {
    /// It waits for its handler.
    Queued,
    /// It waits for its handler; there was no room, so another event was dropped for it.
    Displaced,
    /// There was no room: it was dropped.
    Full,
    /// The receiver has ended.
    Closed,
}

/// What became of an event at the members of a group, as far as the layer can know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// How many members the event was meant for.
    pub matched: usize,
    /// At how many of them it waits for its handler.
    pub queued: usize,
    /// At how many of them something was dropped for want of room: the event, or another for it.
    pub dropped: usize,
}

/// An open channel. Dropping it ends its memberships and closes it.
#[must_use = "a channel is closed when it is dropped"]
pub struct Channel {
    name: ChannelName,
    guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Channel {
    /// A channel whose guard, when it is dropped, removes it from its layer.
    pub fn new(name: ChannelName, guard: impl Any + Send + Sync) -> Self {
        Self {
            name,
            guard: Some(Box::new(guard)),
        }
    }

    /// Takes the guard out, for an owner that ends the memberships before it forgets the name.
    pub(crate) fn take_guard(&mut self) -> Option<Box<dyn Any + Send + Sync>> {
        self.guard.take()
    }

    /// The channel's address.
    pub fn name(&self) -> &ChannelName {
        &self.name
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a layer's methods return: the result itself where there is nothing to wait for, so that
/// a call through `dyn ChannelLayer` need not allocate.
#[must_use = "futures do nothing unless awaited"]
pub struct LayerFuture<'a, T>(Inner<'a, T>);

enum Inner<'a, T> {
    Ready(Option<Result<T>>),
    Waiting(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>),
}

impl<'a, T> LayerFuture<'a, T> {
    /// A result that is there already.
    pub fn ready(result: Result<T>) -> Self {
        Self(Inner::Ready(Some(result)))
    }

    /// A result that has to be waited for.
    pub fn waiting(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Self(Inner::Waiting(Box::pin(future)))
    }
}

impl<T: Unpin> Future for LayerFuture<'_, T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Inner::Ready(result) => {
                // Nothing has to be waited for, but a loop of calls must not keep its thread: after
                // as many steps as tokio allows, other tasks run.
                ready!(poll_proceed(cx)).made_progress();
                Poll::Ready(result.take().unwrap_or_else(|| {
                    Err(Error::new(
                        ErrorKind::Layer,
                        "the result of the layer was taken already",
                    ))
                }))
            }
            Inner::Waiting(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for LayerFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerFuture").finish_non_exhaustive()
    }
}

/// # Errors
///
/// [`ErrorKind::Config`] for a channel without `!`, which is not one of this process. Workers share such a channel, it never ends, and
/// pub/sub has no queue for it: a membership would have no end, and not work on every layer.
fn check_is_connection(channel: &ChannelName) -> Result {
    if channel.is_specific() {
        return Ok(());
    }
    let what = format!(
        "`{channel}` is not the channel of a connection: only a connection can join a group"
    );
    Err(Error::new(ErrorKind::Config, what))
}
