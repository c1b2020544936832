//! What all connections of an application share.

use std::sync::Arc;

#[cfg(feature = "auth")]
use std::sync::OnceLock;

#[cfg(feature = "auth")]
use crate::Result;
#[cfg(feature = "auth")]
use crate::auth::Site;
use crate::handler_threads::HandlerThreads;
use crate::http::Exchanges;
use crate::job::Shifts;
use crate::layer::ChannelLayers;
#[cfg(feature = "auth")]
use crate::layer::{ChannelLayer, DEFAULT};
use crate::limits::Limits;
use crate::scope::State;
use crate::socket::Registry;
use crate::stats::Stats;

/// An application's layers, limits, counters, connections and workers' shifts.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) layers: ChannelLayers,
    pub(crate) limits: Arc<Limits>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) exchanges: Exchanges,
    pub(crate) threads: Arc<HandlerThreads>,
    pub(crate) shifts: Shifts,
    /// The path under which the application lies.
    pub(crate) root_path: Arc<str>,
    pub(crate) state: State,
    /// The environment's, from when it is first asked for, unless the program gives one.
    #[cfg(feature = "auth")]
    pub(crate) site: Arc<OnceLock<Site>>,
}

impl Context {
    pub(crate) fn new(layers: ChannelLayers, limits: Limits) -> Self {
        Self {
            layers,
            threads: Arc::new(HandlerThreads::new(&limits)),
            limits: Arc::new(limits),
            stats: Arc::default(),
            registry: Arc::default(),
            exchanges: Exchanges::default(),
            shifts: Shifts::default(),
            root_path: Arc::default(),
            state: State::default(),
            #[cfg(feature = "auth")]
            site: Arc::default(),
        }
    }

    /// The channel layers.
    pub fn layers(&self) -> &ChannelLayers {
        &self.layers
    }

    /// The layer of the alias `default`, where there is one.
    #[cfg(feature = "auth")]
    pub(crate) fn default_layer(&self) -> Option<&Arc<dyn ChannelLayer>> {
        self.layers.get(DEFAULT).ok()
    }

    /// The site whose sessions and users these are: the application's, or else
    /// [`Site::from_env`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) as `from_env`.
    #[cfg(feature = "auth")]
    pub fn site(&self) -> Result<&Site> {
        if let Some(site) = self.site.get() {
            return Ok(site);
        }
        let site = Site::from_env()?;
        Ok(self.site.get_or_init(|| site))
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What all connections share by its type.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many consumers live: those of sockets, and those of requests.
    pub fn connections(&self) -> usize {
        self.registry.len() + self.exchanges.len()
    }
}
