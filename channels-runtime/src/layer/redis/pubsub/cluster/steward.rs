//! Who sees that somebody listens at each node of a cluster, while topics go from one to another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::super::super::outage::Outage;
use super::super::Shared;
use super::super::listener::Listener;
use super::super::places::Station;
use super::{Address, Cluster, Map};
use crate::Result;

/// After so long it looks by itself whether the map is still right.
const PERIOD: Duration = Duration::from_secs(10);

/// Has a listener at each node that has slots.
pub(in super::super) struct Steward {
    shared: Arc<Shared>,
    cluster: Arc<Cluster>,
    listeners: JoinSet<()>,
    watched: HashMap<Address, (Arc<Station>, AbortHandle)>,
    /// What was missed, and is nowhere at present.
    homeless: Vec<(Arc<str>, SystemTime)>,
}

impl Steward {
    pub(in super::super) fn new(shared: Arc<Shared>, cluster: Arc<Cluster>) -> Self {
        Self {
            shared,
            cluster,
            listeners: JoinSet::new(),
            watched: HashMap::new(),
            homeless: Vec::new(),
        }
    }

    pub(in super::super) async fn run(mut self) {
        let cluster = Arc::clone(&self.cluster);
        let mut outage = Outage::new("the channel layer does not know which node has what");
        let mut view = cluster.view.subscribe();
        loop {
            if let Err(error) = self.survey().await {
                outage.failed(&error);
                continue;
            }
            outage.over(cluster.host());
            let map = Arc::clone(&view.borrow_and_update().map);
            self.follow(&map);
            tokio::select! {
                () = cluster.doubted.notified() => {}
                _ = view.changed() => {}
                () = sleep(PERIOD) => {}
            }
        }
    }

    async fn survey(&self) -> Result {
        let mut surveys = self.cluster.surveys.lock().await;
        self.cluster.survey(&mut surveys).await
    }

    /// Brings the listeners to what the map says.
    fn follow(&mut self, map: &Arc<Map>) {
        let mut missed = std::mem::take(&mut self.homeless);
        for (station, _) in self.watched.values() {
            missed.extend(station.topics.give_up(|topic| map.has(station, topic)));
        }
        self.watched.retain(|address, (_, listener)| {
            let stays = map.stations.contains_key(address);
            if !stays {
                listener.abort();
            }
            stays
        });
        for (address, station) in &map.stations {
            if !self.watched.contains_key(address) {
                self.watch(address, station);
            }
        }
        for (topic, since) in missed {
            match map.station(&topic) {
                _ if !self.shared.is_wanted(&topic) => {}
                Some(station) => station.topics.missed(&topic, since),
                None => self.homeless.push((topic, since)),
            }
        }
        for topic in self.shared.topics() {
            if let Some(station) = map.station(&topic) {
                station.topics.claim(&topic);
            }
        }
    }

    fn watch(&mut self, address: &Address, station: &Arc<Station>) {
        station.topics.begin();
        let listener = Listener::new(Arc::clone(&self.shared), Arc::clone(station));
        let listener = self.listeners.spawn(listener.run());
        self.watched
            .insert(address.clone(), (Arc::clone(station), listener));
        // Those that have ended are of no use to anybody.
        while self.listeners.try_join_next().is_some() {}
    }
}
