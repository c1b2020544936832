//! Sharded pub/sub: the nodes of a Redis Cluster, each of which has the topics of its slots.

mod slots;
mod steward;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use self::slots::Slots;
pub(super) use self::steward::Steward;
use super::super::backoff::Backoff;
use super::super::connection::{Connection, failure, is_moved, open};
use super::super::hosts::{Address, Host, Place};
use super::super::outage::Failure;
use super::places::Station;
use crate::{Error, ErrorKind, Result};

/// A connection that takes longer to be made leads to a doubt of the map.
const HEAD_START: Duration = Duration::from_millis(200);

/// A cluster, as this process sees it.
pub(super) struct Cluster {
    /// How it is entered.
    host: Host,
    patience: Duration,
    view: watch::Sender<View>,
    /// Somebody has found the map wrong, or may find it so soon.
    is_doubted: AtomicBool,
    doubted: Notify,
    /// Held while nodes are asked.
    surveys: tokio::sync::Mutex<Surveys>,
}

struct Surveys {
    backoff: Backoff,
    /// Who is asked next: each time another one, for one of them may be cut off from the others.
    next: usize,
}

#[derive(Default)]
struct View {
    map: Arc<Map>,
    /// Why there is no newer one.
    failure: Option<Failure>,
}

/// Who has what. Two that say the same are one.
#[derive(Default)]
struct Map {
    slots: Slots,
    stations: HashMap<Address, Arc<Station>>,
}

impl Map {
    fn station(&self, topic: &str) -> Option<&Arc<Station>> {
        self.stations.get(self.slots.master_of(topic)?)
    }

    fn has(&self, station: &Arc<Station>, topic: &str) -> bool {
        self.station(topic)
            .is_some_and(|owner| Arc::ptr_eq(owner, station))
    }
}

impl Cluster {
    pub(super) fn new(host: Host, patience: Duration) -> Self {
        Self {
            host,
            patience,
            view: watch::Sender::default(),
            is_doubted: AtomicBool::new(false),
            doubted: Notify::new(),
            surveys: tokio::sync::Mutex::new(Surveys {
                backoff: Backoff::new(patience),
                next: 0,
            }),
        }
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// The node that has a topic, as far as that is known.
    pub(super) fn station(&self, topic: &str) -> Option<Arc<Station>> {
        self.view.borrow().map.station(topic).cloned()
    }

    pub(super) fn stations(&self) -> Vec<Arc<Station>> {
        self.map().stations.values().cloned().collect()
    }

    /// Has the steward look whether the map is still right.
    pub(super) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
        self.doubted.notify_one();
    }

    /// Sends a command to the node that has a topic, wherever it is by then.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`].
    pub(super) async fn run(&self, topic: &str, command: &Cmd) -> Result {
        let deadline = Instant::now() + self.patience;
        let mut map = self.map();
        loop {
            let Some(station) = map.station(topic) else {
                map = self.newer(&map, deadline).await?;
                continue;
            };
            tokio::select! {
                biased;
                ready = station.commands.ready() => ready?,
                newer = self.newer_if_late(&map, deadline) => {
                    map = newer?;
                    continue;
                }
            }
            match station.commands.run(command).await {
                Err(error) if is_moved(&error) => map = self.newer(&map, deadline).await?,
                sent => {
                    if sent.is_err() {
                        self.doubt();
                    }
                    return sent;
                }
            }
        }
    }

    /// Waits until a topic is heard, wherever it is by then.
    ///
    /// # Errors
    ///
    /// As [`Topics::until_hears`](super::topics::Topics::until_hears).
    pub(super) async fn until_hears(&self, topic: &str) -> Result {
        let deadline = Instant::now() + self.patience;
        let mut view = self.view.subscribe();
        let hears = async {
            loop {
                let (station, refusal) = {
                    let view = view.borrow_and_update();
                    let refusal = view.failure.as_ref().filter(|it| it.is_refusal());
                    (
                        view.map.station(topic).cloned(),
                        refusal.map(Failure::error),
                    )
                };
                let changed = view.changed();
                match (station, refusal) {
                    (Some(station), _) => tokio::select! {
                        heard = station.until_hears(topic, self.patience) => return heard,
                        _ = changed => {}
                    },
                    (None, Some(error)) => return Err(error),
                    (None, None) => {
                        self.doubt();
                        drop(changed.await);
                    }
                }
            }
        };
        timeout_at(deadline, hears)
            .await
            .unwrap_or_else(|_| Err(self.nowhere()))
    }

    /// Waits for another map than this one, and asks for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if there is none until then; another kind if the cluster refuses to
    /// tell.
    async fn newer(&self, seen: &Arc<Map>, deadline: Instant) -> Result<Arc<Map>> {
        let newer = async {
            loop {
                let mut surveys = self.surveys.lock().await;
                let map = self.map();
                if !Arc::ptr_eq(&map, seen) {
                    return Ok(map);
                }
                self.is_doubted.store(true, Ordering::Relaxed);
                if let Err(error) = self.survey(&mut surveys).await
                    && error.kind() != ErrorKind::Unavailable
                {
                    return Err(error);
                }
            }
        };
        let newer = timeout_at(deadline, newer).await;
        newer.unwrap_or_else(|_| Err(self.nowhere()))
    }

    /// The same, for one who waits for something else at the moment.
    async fn newer_if_late(&self, seen: &Arc<Map>, deadline: Instant) -> Result<Arc<Map>> {
        sleep(HEAD_START).await;
        self.newer(seen, deadline).await
    }

    /// Finds out which of the nodes has what.
    async fn survey(&self, surveys: &mut Surveys) -> Result {
        let Surveys { backoff, next } = surveys;
        sleep_until(backoff.until()).await;
        backoff.failed();
        let is_doubted = self.is_doubted.swap(false, Ordering::Relaxed);
        let asked = self.ask_around(next).await;
        if let Err(error) = &asked {
            let failure = Some(error.into());
            self.view.send_modify(|view| view.failure = failure);
        }
        let slots = asked?;
        let is_new = slots != self.map().slots;
        if is_new {
            let map = Arc::new(self.chart(slots));
            self.view.send_replace(View { map, failure: None });
        } else {
            self.view
                .send_if_modified(|view| view.failure.take().is_some());
        }
        if is_new || !is_doubted {
            backoff.succeeded();
        }
        Ok(())
    }

    /// Asks one node after the other, until one knows at least what is known here. Who knows less was
    /// away, or is in no cluster: that is believed only if all say so.
    async fn ask_around(&self, next: &mut usize) -> Result<Slots> {
        let map = self.map();
        let seeds = self.host.seeds();
        let others = map.stations.keys().filter(|it| !seeds.contains(it));
        let all: Vec<_> = seeds.iter().chain(others).collect();
        let (mut behind, mut failure) = (None, None);
        for _ in 0..all.len() {
            let asked = all[*next % all.len()];
            *next = next.wrapping_add(1);
            match self.ask(asked).await {
                Ok(slots) if slots.are_behind(&map.slots) => behind = Some(slots),
                Ok(slots) => return Ok(slots),
                Err(error) if failure.is_none() || error.kind() == ErrorKind::Unavailable => {
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
        match (failure, behind) {
            (None, Some(slots)) => Ok(slots),
            (Some(error), None) => Err(error),
            (_, _) => {
                let what = format!("Redis at {} does not know what the cluster does", self.host);
                Err(Error::new(ErrorKind::Unavailable, what))
            }
        }
    }

    async fn ask(&self, asked: &Address) -> Result<Slots> {
        let node = self.host.at(Place::Server(asked.clone()));
        let mut redis = open(&node, 0, self.patience, drop).await?;
        let mut question = redis::pipe();
        question.cmd("CLUSTER").arg("SLOTS");
        question.cmd("CLUSTER").arg("NODES");
        let answer = question.query_async(&mut redis).await;
        let (slots, nodes): (Value, String) = answer.map_err(|error| failure(&node, error))?;
        Slots::parse(&slots, &nodes, asked).ok_or_else(|| {
            let what = format!("what Redis at {node} tells of the cluster makes no sense");
            Error::new(ErrorKind::Layer, what)
        })
    }

    /// A map of those slots. Who was known stays the same.
    fn chart(&self, slots: Slots) -> Map {
        let before = self.map();
        let mut stations = HashMap::new();
        for address in slots.masters() {
            let new = || {
                let host = self.host.at(Place::Master(address.clone()));
                Arc::new(Station::new(Connection::new(host, self.patience)))
            };
            stations
                .entry(address.clone())
                .or_insert_with(|| before.stations.get(address).map_or_else(new, Arc::clone));
        }
        Map { slots, stations }
    }

    fn map(&self) -> Arc<Map> {
        Arc::clone(&self.view.borrow().map)
    }

    fn nowhere(&self) -> Error {
        let failure = self.view.borrow().failure.as_ref().map(Failure::error);
        failure.unwrap_or_else(|| {
            let what = format!(
                "no node of Redis at {} can be reached that has the topic",
                self.host
            );
            Error::new(ErrorKind::Unavailable, what)
        })
    }
}
