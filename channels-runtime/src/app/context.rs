//! What all connections of an application share.

use std::sync::Arc;

use crate::http::Exchanges;
use crate::layer::ChannelLayers;
use crate::limits::Limits;
use crate::scope::State;
use crate::socket::Registry;
use crate::stats::Stats;

/// An application's layers, limits, counters and connections.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) layers: ChannelLayers,
    pub(crate) limits: Arc<Limits>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) exchanges: Exchanges,
    /// The path under which the application lies.
    pub(crate) root_path: Arc<str>,
    pub(crate) state: State,
}

impl Context {
    pub(crate) fn new(layers: ChannelLayers, limits: Limits) -> Self {
        Self {
            layers,
            limits: Arc::new(limits),
            stats: Arc::default(),
            registry: Arc::default(),
            exchanges: Exchanges::default(),
            root_path: Arc::default(),
            state: State::default(),
        }
    }

    /// The channel layers.
    pub fn layers(&self) -> &ChannelLayers {
        &self.layers
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
