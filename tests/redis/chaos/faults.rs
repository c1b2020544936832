//! What can happen to Redis, or to the network before it.

use std::time::Duration;

use tokio::time::sleep;

use crate::proxy::Proxy;
use crate::redis::Redis;

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    ConnectionsAreKilled,
    RedisSleeps,
    RedisIsStopped,
    RedisIsKilled,
    ThereIsNoMemory,
    TheDiskIsFull,
    ScriptsAreForgotten,
    TheNetworkSwallowsAll,
    RightsAreTakenAway,
}

impl Fault {
    pub(super) const ALL: [Self; 9] = [
        Self::ConnectionsAreKilled,
        Self::RedisSleeps,
        Self::RedisIsStopped,
        Self::RedisIsKilled,
        Self::ThereIsNoMemory,
        Self::TheDiskIsFull,
        Self::ScriptsAreForgotten,
        Self::TheNetworkSwallowsAll,
        Self::RightsAreTakenAway,
    ];

    /// Lets it happen, and be over after a while.
    pub(super) async fn strike(self, redis: &mut Redis, proxy: &Proxy, long: Duration) {
        match self {
            Self::ConnectionsAreKilled => Self::kill_connections(redis, long).await,
            Self::RedisSleeps => {
                let seconds = long.as_secs_f64().to_string();
                redis.cli(&["DEBUG", "SLEEP", &seconds]).await;
            }
            Self::RedisIsStopped => {
                redis.signal("STOP");
                sleep(long).await;
                redis.signal("CONT");
            }
            Self::RedisIsKilled => {
                redis.stop().await;
                sleep(long).await;
                redis.start_again().await;
            }
            Self::ThereIsNoMemory => {
                redis.cli(&["CONFIG", "SET", "maxmemory", "1"]).await;
                sleep(long).await;
                redis.cli(&["CONFIG", "SET", "maxmemory", "0"]).await;
            }
            Self::TheDiskIsFull => {
                redis.fill_disk().await;
                sleep(long).await;
                redis.free_disk().await;
            }
            Self::ScriptsAreForgotten => {
                redis.cli(&["SCRIPT", "FLUSH"]).await;
            }
            Self::TheNetworkSwallowsAll => {
                proxy.swallow(true);
                sleep(long).await;
                proxy.swallow(false);
            }
            Self::RightsAreTakenAway => {
                let user = ["ACL", "SETUSER", "default"];
                let taken = ["-publish", "-eval", "-zadd"];
                redis.cli(&[&user[..], &taken[..]].concat()).await;
                sleep(long).await;
                redis.cli(&[&user[..], &["+@all"]].concat()).await;
            }
        }
    }

    pub(super) async fn kill_connections(redis: &Redis, long: Duration) {
        for _ in 0..5 {
            redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
            redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
            sleep(long / 10).await;
        }
    }
}
