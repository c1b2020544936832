//! Where Redis is, and what happens there at random.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::faults::Fault;
use crate::nodes::Nodes;
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::sentinels::Sentinels;
use crate::until;

pub(super) enum Place {
    /// Hosts, each with the network before it.
    Hosts(Vec<(Redis, Proxy)>),
    Sentinels(Sentinels),
    Cluster(Nodes),
}

impl Place {
    pub(super) async fn hosts(count: usize) -> Self {
        let mut hosts = Vec::new();
        for _ in 0..count {
            let redis = Redis::start().await;
            let proxy = Proxy::start(redis.address()).await;
            hosts.push((redis, proxy));
        }
        Self::Hosts(hosts)
    }

    pub(super) async fn sentinels() -> Self {
        Self::Sentinels(Sentinels::start().await)
    }

    pub(super) async fn cluster() -> Self {
        Self::Cluster(Nodes::start(1).await)
    }

    /// The URL of a layer there: `redis` is the core layer, `redis+pubsub` the other.
    pub(super) fn url(&self, layer: &str) -> String {
        match self {
            Self::Hosts(hosts) => {
                let addresses = hosts.iter().map(|(_, proxy)| proxy.address());
                let addresses: Vec<_> = addresses.collect();
                format!("{layer}://{}?timeout=1", addresses.join(","))
            }
            Self::Sentinels(sentinels) => {
                let addresses = sentinels.addresses();
                format!("{layer}+sentinel://{addresses}/main?timeout=1")
            }
            Self::Cluster(nodes) => {
                let addresses = nodes.addresses();
                format!("{layer}+cluster://{addresses}?timeout=1&sharded=true")
            }
        }
    }

    /// Something happens, for a while. The topics are those of the groups.
    pub(super) async fn strike(&mut self, random: &mut Rng, topics: &[String]) {
        let long = Duration::from_millis(random.u64(300..1800));
        let pick = |random: &mut Rng, count| random.usize(..count);
        match self {
            Self::Hosts(hosts) => {
                let at = pick(random, hosts.len());
                let fault = Fault::ALL[pick(random, Fault::ALL.len())];
                say(&format!("host {at}: {fault:?}"));
                let (redis, proxy) = &mut hosts[at];
                fault.strike(redis, proxy, long).await;
            }
            Self::Sentinels(sentinels) => match pick(random, 3) {
                0 => {
                    say("connections are killed");
                    let master = sentinels.master().await;
                    Fault::kill_connections(&sentinels.servers[master], long).await;
                }
                1 => {
                    say("the replica is asked to take over");
                    sentinels.fail_over().await;
                }
                _ => {
                    say("the master is killed");
                    sentinels.lose_master().await;
                }
            },
            Self::Cluster(nodes) => {
                let topic = &topics[pick(random, topics.len())];
                let at = nodes.master_of(topic).await;
                match pick(random, 3) {
                    0 => {
                        say(&format!("connections of node {at} are killed"));
                        Fault::kill_connections(&nodes.all[at], long).await;
                    }
                    1 => {
                        let masters = nodes.masters().await;
                        let to = masters[pick(random, masters.len())];
                        if to != at {
                            say(&format!("a slot goes from node {at} to {to}"));
                            nodes.move_topic(topic, to).await;
                        }
                        sleep(long).await;
                    }
                    _ => {
                        say(&format!("node {at} is killed"));
                        nodes.lose(at, topic).await;
                    }
                }
            }
        }
    }

    pub(super) async fn nothing_is_left(&self) {
        let servers: Vec<_> = match self {
            Self::Hosts(hosts) => hosts.iter().map(|(redis, _)| redis).collect(),
            Self::Sentinels(sentinels) => sentinels.servers.iter().collect(),
            Self::Cluster(nodes) => nodes.all.iter().collect(),
        };
        for redis in servers {
            until("no member is left", async || {
                let keys = redis.cli(&["KEYS", "*group*"]).await;
                let topics = redis.cli(&["PUBSUB", "CHANNELS", "*group*"]).await;
                let sharded = redis.cli(&["PUBSUB", "SHARDCHANNELS", "*group*"]).await;
                [keys, topics, sharded]
                    .iter()
                    .all(|it| it.trim().is_empty())
            })
            .await;
        }
    }
}

fn say(what: &str) {
    println!("{what}");
}
