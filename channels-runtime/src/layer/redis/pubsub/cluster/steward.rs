//! Who sees that somebody listens at each node of a cluster, while topics go from one to another.

use std::collections::HashMap;
use std::future::Future;
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
use crate::supervise::supervise_state;

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

    /// Runs until it is dropped, also after a panic.
    pub(in super::super) fn supervised(self) -> impl Future<Output = ()> + Send {
        supervise_state(
            "steward of a Redis cluster",
            self,
            |mut steward| async move { steward.run().await },
        )
    }

    async fn run(&mut self) {
        let cluster = Arc::clone(&self.cluster);
        let mut outage = Outage::new("the channel layer does not know which node has what");
        let mut view = cluster.view.subscribe();
        let mut is_due = true;
        loop {
            let map = Arc::clone(&view.borrow_and_update().map);
            self.follow(&map);
            tokio::select! {
                // Whoever sends may find a newer map, too.
                _ = view.changed() => {}
                surveyed = survey(&cluster, &mut is_due) => match surveyed {
                    Ok(()) => outage.over(cluster.host()),
                    Err(error) => outage.failed(&error),
                }
            }
        }
    }

    /// Brings the listeners to what the map says.
    fn follow(&mut self, map: &Arc<Map>) {
        let mut missed = std::mem::take(&mut self.homeless);
        for (station, _) in self.watched.values() {
            missed.extend(station.topics.give_up(|topic| map.has(station, topic)));
        }
        self.watched.retain(|address, (station, listener)| {
            // Another one may have the same address.
            let there = map.stations.get(address);
            let stays = there.is_some_and(|it| Arc::ptr_eq(it, station));
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
            match map.station(&topic) {
                Some(station) => station.topics.claim(&topic),
                None => self.cluster.doubt(),
            }
        }
    }

    fn watch(&mut self, address: &Address, station: &Arc<Station>) {
        station.topics.begin();
        let listener = Listener::new(Arc::clone(&self.shared), Arc::clone(station));
        let listener = self.listeners.spawn(listener.supervised());
        self.watched
            .insert(address.clone(), (Arc::clone(station), listener));
        // Those that have ended are of no use to anybody.
        while self.listeners.try_join_next().is_some() {}
    }
}

/// Waits until the map is doubted or old, and looks. Cancel safe: what is due stays due until it is
/// done.
async fn survey(cluster: &Cluster, is_due: &mut bool) -> Result {
    if !*is_due {
        tokio::select! {
            () = cluster.doubted.notified() => {}
            () = sleep(PERIOD) => {}
        }
        *is_due = true;
    }
    let mut surveys = cluster.surveys.lock().await;
    cluster.survey(&mut surveys).await?;
    *is_due = false;
    Ok(())
}
