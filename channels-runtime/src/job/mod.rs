//! One event that a worker handles: what its handlers hold, and the loop that calls them.

mod blocking;
mod dead_letter;
mod shift;
mod shifts;
mod work;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use self::blocking::BlockingJob;
pub use self::shift::Shift;
pub(crate) use self::shift::{Terms, Told};
pub(crate) use self::shifts::Shifts;

use crate::app::Context;
use crate::layer::ChannelLayer;
use crate::{ChannelName, Event, GroupName, Result, Scope};

/// Work on a channel, until it ends.
pub type Working<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

/// An application that works on the jobs of a channel: the `app()` of a `#[consumer(channel)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not work on a channel's jobs",
    label = "not an application for a channel",
    note = "give the `app()` of a `#[consumer(channel)]`; WebSocket consumers go to `.websocket(…)`, HTTP consumers to `.http(…)`"
)]
pub trait ChannelApp: Send + Sync + 'static {
    /// Works until the shift ends, with a consumer of its own.
    ///
    /// Its error ends the worker: what cannot mend itself, as a layer without queues.
    fn work(&self, shift: Shift) -> Working<'_>;

    /// Tells at start-up what could only fail later: a layer that is not configured, say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    fn check(&self, context: &Context) -> Result {
        let _ = context;
        Ok(())
    }
}

/// One event of a channel, in the hands of its worker's `async fn` handlers.
///
/// A `#[consumer(channel)]` has handlers for events and nothing else. Its value lives as long as its
/// worker: what it has set up for one job, a connection say, is there for the next one. Plain `fn`
/// handlers take a [`BlockingJob`] instead.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::{Event, Job, Result};
/// # use serde_json::json;
///
/// // The handler of `thumbnail.make`, in a `#[consumer(channel)]`.
/// async fn make(job: &mut Job, picture: &str) -> Result {
///     tracing::info!(channel = %job.channel(), attempt = job.attempt(), "at work");
///     let ready = Event::new("thumbnail.ready", json!({ "picture": picture }))?;
///     job.group_send("pictures", ready).await
/// }
/// ```
pub struct Job {
    channel: ChannelName,
    scope: Scope,
    layer: Arc<dyn ChannelLayer>,
    attempt: u32,
}

impl Job {
    pub(crate) fn new(channel: ChannelName, scope: Scope, layer: Arc<dyn ChannelLayer>) -> Self {
        Self {
            channel,
            scope,
            layer,
            attempt: 1,
        }
    }

    pub(crate) fn begin(&mut self, attempt: u32) {
        self.attempt = attempt;
    }

    /// The channel from which the event came.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// How often the event was tried, this time included.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The scope: there is no request, but what the application's connections share.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The consumer's channel layer.
    pub fn layer(&self) -> &Arc<dyn ChannelLayer> {
        &self.layer
    }

    /// Sends an event to every member of a group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) for a name that is not allowed,
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails; the event comes back by
    /// [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn group_send(&mut self, group: &str, event: impl Into<Event>) -> Result {
        let group = GroupName::new(group)?;
        self.layer.group_send(group, event.into(), None).await?;
        Ok(())
    }

    /// Sends an event to one channel of the layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChannelFull`](crate::ErrorKind::ChannelFull) if it has no room,
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails; the event comes back by
    /// [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn channel_send(&mut self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        self.layer.send(channel, event.into()).await
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("channel", &self.channel)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
