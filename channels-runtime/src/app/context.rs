//! What all connections of an application share.

use std::fmt;
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
#[cfg(feature = "auth")]
use crate::middleware::{Provides, Surroundings};
use crate::scope::State;
use crate::socket::Registry;
use crate::stats::Stats;

/// An application's layers, limits, counters, connections and workers' shifts.
#[derive(Clone)]
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
    /// What stands around the application that is being checked.
    #[cfg(feature = "auth")]
    pub(crate) surroundings: Surroundings,
}

impl Context {
    pub(crate) fn new(layers: ChannelLayers, limits: Limits) -> Self {
        let stats = Stats::default();
        stats.memory().set_limit(limits.memory_bytes);
        Self {
            layers,
            threads: Arc::new(HandlerThreads::new(&limits)),
            limits: Arc::new(limits),
            stats: Arc::new(stats),
            registry: Arc::default(),
            exchanges: Exchanges::default(),
            shifts: Shifts::default(),
            root_path: Arc::default(),
            state: State::default(),
            #[cfg(feature = "auth")]
            site: Arc::default(),
            #[cfg(feature = "auth")]
            surroundings: Surroundings::default(),
        }
    }

    /// The same for the check of what a middleware stands around.
    #[cfg(feature = "auth")]
    pub(crate) fn inside(&self, provided: Provides) -> Self {
        let mut inside = self.clone();
        inside.surroundings.add(provided);
        inside
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

impl fmt::Debug for Context {
    /// Shows no connection: what is queued for one may be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("layers", &self.layers)
            .field("limits", &self.limits)
            .field("stats", &self.stats)
            .field("connections", &self.connections())
            .field("root_path", &self.root_path)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
