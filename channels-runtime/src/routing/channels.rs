//! Which consumer works on which channel.

use std::fmt;
use std::sync::Arc;

use crate::app::Context;
use crate::job::ChannelApp;
use crate::suggest::did_you_mean;
use crate::{ChannelName, Error, ErrorKind, Result};

/// Leads the jobs of a channel to their consumer, by the channel's name: Channels'
/// `ChannelNameRouter`. A [`Worker`](crate::Worker) works on them.
///
/// Jobs wait in the queues of the layer: of the one in memory, for a worker in the same process, or of the
/// core layer over Redis, `redis://`. The pub/sub layer has none.
///
/// # Examples
///
/// ```
/// use channels_runtime::{ChannelApp, ChannelNameRouter};
///
/// # fn router(thumbnailer: impl ChannelApp, mailer: impl ChannelApp) -> ChannelNameRouter {
/// ChannelNameRouter::new()
///     .channel("thumbnails", thumbnailer) // Thumbnailer::app()
///     .channel("mail", mailer)
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ChannelNameRouter {
    routes: Vec<(ChannelName, Arc<dyn ChannelApp>)>,
}

impl ChannelNameRouter {
    /// A router without channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// The consumer for the jobs of a channel.
    ///
    /// # Panics
    ///
    /// For a name that is not allowed, that belongs to a connection (`!`), or that has a consumer
    /// already: mistakes in the program.
    #[must_use]
    #[track_caller]
    pub fn channel(mut self, name: &str, app: impl ChannelApp) -> Self {
        let channel = match ChannelName::new(name) {
            Ok(channel) => channel,
            Err(error) => panic!("{error}"),
        };
        assert!(
            !channel.is_specific(),
            "`{name}` is a connection's channel: a worker's has no `!`"
        );
        assert!(
            self.find(name).is_none(),
            "the channel `{name}` has a consumer already"
        );
        self.routes.push((channel, Arc::new(app)));
        self
    }

    pub(crate) fn routes(&self) -> &[(ChannelName, Arc<dyn ChannelApp>)] {
        &self.routes
    }

    /// The channel of a name, with its consumer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is none, with the names that there are.
    pub(crate) fn route(&self, name: &str) -> Result<&(ChannelName, Arc<dyn ChannelApp>)> {
        self.find(name).ok_or_else(|| {
            let names: Vec<_> = self.routes.iter().map(|(name, _)| name.as_str()).collect();
            let all = names.join(", ");
            let meant = did_you_mean(name, &names);
            let what = format!("there is no channel `{name}`; there are: [{all}]{meant}");
            Error::new(ErrorKind::Config, what)
        })
    }

    pub(super) fn check(&self, context: &Context) -> Result {
        self.routes
            .iter()
            .try_for_each(|(_, app)| app.check(context))
    }

    fn find(&self, name: &str) -> Option<&(ChannelName, Arc<dyn ChannelApp>)> {
        self.routes.iter().find(|(known, _)| known.as_str() == name)
    }
}

impl fmt::Debug for ChannelNameRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.routes.iter().map(|(name, _)| name.as_str());
        f.debug_set().entries(names).finish()
    }
}
