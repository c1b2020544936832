//! Where the topics are.

use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;

use super::super::connection::Connection;
use super::super::hosts::Host;
use super::super::shard::shard;
use super::cluster::Cluster;
use super::topics::Topics;
use crate::Result;

/// Which station has a topic.
pub(super) enum Places {
    /// Hosts that share the topics as `channels_redis` has it.
    Hosts(Vec<Arc<Station>>),
    /// The nodes of a cluster, which share them by their slots.
    Cluster(Arc<Cluster>),
}

/// A host or a node, as this process sees it.
pub(super) struct Station {
    pub(super) commands: Connection,
    pub(super) topics: Topics,
}

impl Station {
    pub(super) fn new(commands: Connection) -> Self {
        Self {
            commands,
            topics: Topics::default(),
        }
    }

    pub(super) async fn until_hears(&self, topic: &str, patience: Duration) -> Result {
        self.topics
            .until_hears(topic, self.commands.host(), patience)
            .await
    }
}

impl Places {
    pub(super) fn hosts(hosts: &[Host], patience: Duration) -> Self {
        let stations = hosts.iter().map(|host| {
            let commands = Connection::new(host.clone(), patience);
            Arc::new(Station::new(commands))
        });
        Self::Hosts(stations.collect())
    }

    /// The one that has a topic, or a channel's own name. Nodes of a cluster may be unknown.
    pub(super) fn station(&self, topic: &str) -> Option<Arc<Station>> {
        match self {
            Self::Hosts(stations) => Some(Arc::clone(at(stations, topic))),
            Self::Cluster(cluster) => cluster.station(topic),
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Station>> {
        match self {
            Self::Hosts(stations) => stations.clone(),
            Self::Cluster(cluster) => cluster.stations(),
        }
    }

    pub(super) fn hears(&self, place: &str, topic: &str) -> bool {
        let station = self.station(place);
        station.is_some_and(|station| station.topics.hears(topic))
    }

    /// Waits until a topic is heard at the station that has a name: its own, or that of a channel.
    ///
    /// # Errors
    ///
    /// As [`Topics::until_hears`].
    pub(super) async fn until_hears(&self, place: &str, topic: &str, patience: Duration) -> Result {
        match self {
            Self::Hosts(stations) => at(stations, place).until_hears(topic, patience).await,
            Self::Cluster(cluster) => cluster.until_hears(topic).await,
        }
    }

    /// A station has let somebody down: another one may have its topics by now.
    pub(super) fn doubt(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.doubt();
        }
    }

    /// Sends a command to where a topic is.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`].
    pub(super) async fn run(&self, topic: &str, command: &Cmd) -> Result {
        match self {
            Self::Hosts(stations) => at(stations, topic).commands.run(command).await,
            Self::Cluster(cluster) => cluster.run(topic, command).await,
        }
    }
}

fn at<'a>(stations: &'a [Arc<Station>], topic: &str) -> &'a Arc<Station> {
    let hosts = u32::try_from(stations.len()).unwrap_or(u32::MAX);
    &stations[shard(topic, hosts)]
}
