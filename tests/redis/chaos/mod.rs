//! Everything goes wrong at random: and whoever may have missed something is told, nobody hears anything
//! twice or out of order, and afterwards all servers agree on who is a member.
//!
//! `CHANNELS_CHAOS_SECONDS` is how long each run takes, `CHANNELS_CHAOS_SEED` repeats the faults of one.
#![expect(
    clippy::print_stdout,
    reason = "tells what a failure needs to be repeated"
)]

mod faults;
mod place;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use channels::{ChannelLayer, ChannelLayers};
use fastrand::Rng;

use self::place::Place;
use crate::inbox::{Inbox, name, say};
use crate::{until, within};

const SERVERS: usize = 3;
const GROUPS: [&str; 4] = ["a", "b", "c", "d"];
const COMERS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_layer_at_one_host() {
    Run::new(Place::hosts(1).await).go(CORE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_layer_at_two_hosts() {
    Run::new(Place::hosts(2).await).go(CORE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_layer_with_sentinels() {
    Run::new(Place::sentinels().await).go(CORE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pubsub_layer_at_one_host() {
    Run::new(Place::hosts(1).await).go(PUBSUB).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pubsub_layer_at_two_hosts() {
    Run::new(Place::hosts(2).await).go(PUBSUB).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pubsub_layer_with_sentinels() {
    Run::new(Place::sentinels().await).go(PUBSUB).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pubsub_layer_in_a_cluster() {
    Run::new(Place::cluster().await).go(PUBSUB).await;
}

/// How the URL of a layer begins, and what it has of its own.
type Kind = (&'static str, &'static str);
const CORE: Kind = ("redis", "&capacity=1000000");
const PUBSUB: Kind = ("redis+pubsub", "");

fn open(url: &str) -> Arc<dyn ChannelLayer> {
    let layers = ChannelLayers::from_urls(&format!("default={url}")).expect("a URL");
    Arc::clone(layers.get("default").expect("it is there"))
}

/// Faults at one place, for a while.
struct Run {
    random: Rng,
    seconds: u64,
    place: Place,
}

/// A server: its layer, one channel in each group that always stays, and others that come and go.
struct Server {
    layer: Arc<dyn ChannelLayer>,
    stays: Vec<Listener>,
    comes: Vec<Listener>,
}

/// A channel, and what it has heard: whose event, in which group, of which number.
struct Listener {
    inbox: Inbox,
    groups: BTreeSet<&'static str>,
    heard: Vec<(String, u64)>,
    gaps: usize,
}

/// The numbers of a sender's events that were sent to a group without an error.
type Sent = BTreeMap<String, Vec<u64>>;

impl Run {
    fn new(place: Place) -> Self {
        let variable = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let seed = variable("CHANNELS_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..));
        println!("CHANNELS_CHAOS_SEED={seed}");
        Self {
            random: Rng::with_seed(seed),
            seconds: variable("CHANNELS_CHAOS_SECONDS").unwrap_or(15),
            place,
        }
    }

    async fn go(mut self, (layer, options): Kind) {
        let url = self.place.url(layer) + options;
        let topics = GROUPS.map(|group| format!("asgi__group__{group}"));
        let mut servers = Vec::new();
        for _ in 0..SERVERS {
            servers.push(Server::start(open(&url)).await);
        }
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let mut round = 0;
        while Instant::now() < end {
            round += 1;
            println!("round {round}");
            let stop = Arc::new(AtomicBool::new(false));
            let senders: Vec<_> = servers
                .iter()
                .enumerate()
                .map(|(at, server)| {
                    tokio::spawn(send(server.layer.clone(), at, round, stop.clone()))
                })
                .collect();
            for server in &mut servers {
                server.come_and_go(&mut self.random).await;
            }
            self.place.strike(&mut self.random, &topics).await;
            for server in &mut servers {
                server.come_and_go(&mut self.random).await;
            }
            stop.store(true, Ordering::Relaxed);
            let mut sent = Sent::new();
            for sender in senders {
                sent.extend(within("a sender", sender).await.expect("no panic"));
            }
            agree(&mut servers, round).await;
            for server in &mut servers {
                server.check(&sent).await;
            }
        }
        let layers: Vec<_> = servers.iter().map(|server| server.layer.clone()).collect();
        drop(servers);
        self.place.nothing_is_left().await;
        for layer in layers {
            within("a close", layer.close()).await.expect("closed");
        }
    }
}

/// Sends numbered events to all groups, until it is told to stop.
async fn send(
    layer: Arc<dyn ChannelLayer>,
    server: usize,
    round: usize,
    stop: Arc<AtomicBool>,
) -> Sent {
    let mut sent = Sent::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        for group in GROUPS {
            let key = format!("{round} {server} {group}");
            let event = say(&format!("{key}:{number}"));
            if layer.group_send(name(group), event, None).await.is_ok() {
                sent.entry(key).or_default().push(number);
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    sent
}

/// Waits until each server reaches exactly those who are members.
async fn agree(servers: &mut [Server], round: usize) {
    for server in servers.iter_mut() {
        server.settle().await;
    }
    for group in GROUPS {
        for from in 0..servers.len() {
            let layer = servers[from].layer.clone();
            let mut attempt = 0;
            until("all members hear a probe", async || {
                attempt += 1;
                let probe = format!("probe {round} {from} {group}");
                let event = say(&format!("{probe}:{attempt}"));
                if layer.group_send(name(group), event, None).await.is_err() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                let mut all = true;
                for server in servers.iter_mut() {
                    for listener in server.listeners() {
                        listener.listen();
                        let has = listener.heard.contains(&(probe.clone(), attempt));
                        let is_member = listener.groups.contains(group);
                        assert!(is_member || !has, "a stranger hears `{probe}`");
                        all &= has || !is_member;
                    }
                }
                all
            })
            .await;
        }
    }
}

impl Server {
    async fn start(layer: Arc<dyn ChannelLayer>) -> Self {
        let mut server = Self {
            stays: vec![Listener::open(&layer).await],
            comes: Vec::new(),
            layer,
        };
        for _ in 0..COMERS {
            server.comes.push(Listener::open(&server.layer).await);
        }
        server.stays[0].groups.extend(GROUPS);
        server.settle().await;
        server
    }

    /// Some join and some leave, as far as that works now.
    async fn come_and_go(&mut self, random: &mut Rng) {
        for listener in &mut self.comes {
            let group = GROUPS[random.usize(..GROUPS.len())];
            // If it fails, `settle` makes it so.
            if listener.groups.insert(group) {
                let _ = listener.inbox.join(&*self.layer, group).await;
            } else {
                listener.groups.remove(group);
                let _ = listener.inbox.leave(&*self.layer, group).await;
            }
        }
    }

    /// Makes everybody a member of their groups, and of no others.
    async fn settle(&mut self) {
        let layer = self.layer.clone();
        for listener in self.listeners() {
            for group in GROUPS {
                let wanted = listener.groups.contains(group);
                until("it is settled", async || {
                    let settled = if wanted {
                        listener.inbox.join(&*layer, group).await
                    } else {
                        listener.inbox.leave(&*layer, group).await
                    };
                    settled.is_ok()
                })
                .await;
            }
        }
    }

    fn listeners(&mut self) -> impl Iterator<Item = &mut Listener> {
        self.stays.iter_mut().chain(&mut self.comes)
    }

    /// Fails if somebody has heard something twice or out of order, or has missed something and is
    /// not told.
    async fn check(&mut self, sent: &Sent) {
        for listener in &mut self.stays {
            let missed = listener.missed(sent);
            until(
                &format!("it is told that it has missed {missed:?}"),
                async || {
                    listener.listen();
                    missed.is_empty() || listener.gaps > 0
                },
            )
            .await;
        }
        for listener in self.listeners() {
            listener.check_order(sent);
            listener.heard.clear();
            listener.gaps = 0;
        }
    }
}

impl Listener {
    async fn open(layer: &Arc<dyn ChannelLayer>) -> Self {
        Self {
            inbox: Inbox::open(&**layer, &[]).await,
            groups: BTreeSet::new(),
            heard: Vec::new(),
            gaps: 0,
        }
    }

    /// Takes what has come.
    fn listen(&mut self) {
        while let Some(event) = self.inbox.try_next() {
            if event.event_type().as_str() == "layer.gap" {
                self.gaps += 1;
                continue;
            }
            let event = event.to_json().expect("JSON");
            let text = event["text"].as_str().expect("a text");
            let (key, number) = text.split_once(':').expect("two parts");
            let number = number.parse().expect("a number");
            self.heard.push((key.to_owned(), number));
        }
    }

    /// Some events that were sent without an error, and have not come.
    fn missed(&self, sent: &Sent) -> Vec<(String, u64)> {
        let heard: HashSet<_> = self
            .heard
            .iter()
            .map(|(key, number)| (key, *number))
            .collect();
        let sent = sent
            .iter()
            .flat_map(|(key, numbers)| numbers.iter().map(move |number| (key, *number)));
        let missed = sent.filter(|event| !heard.contains(event)).take(5);
        missed.map(|(key, number)| (key.clone(), number)).collect()
    }

    /// Nothing comes twice. A send that failed may still arrive, at any time; the others are in order.
    fn check_order(&self, sent: &Sent) {
        let mut all = HashSet::new();
        let mut last = BTreeMap::new();
        for (key, number) in &self.heard {
            assert!(all.insert((key, number)), "`{key}:{number}` came twice");
            let is_sent = sent
                .get(key)
                .is_some_and(|it| it.binary_search(number).is_ok());
            if is_sent && let Some(before) = last.insert(key, number) {
                assert!(before < number, "`{key}:{number}` came after {before}");
            }
        }
    }
}
