//! The layers over Redis, against real servers and a real `channels_redis`; also in trouble.

#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;
#[path = "../support/redis.rs"]
mod redis;

mod certificates;
mod chaos;
mod cluster;
mod commands;
mod conformance;
mod connecting;
mod consumers;
mod core;
mod crowd;
mod exchange;
mod faults;
mod inbox;
mod isolation;
mod logs;
mod names;
mod nodes;
mod outage;
mod peer;
mod places;
mod proxy;
mod refused;
mod sentinel;
mod sentinels;

use std::future::Future;
use std::time::Duration;

use channels::RedisPubSubChannelLayer;

/// The longest that any step takes, on a machine that does a lot else.
const DEADLINE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}

/// Waits until something outside of this process is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A layer of a server's own, on the same hosts as the others.
fn layer(address: &str) -> RedisPubSubChannelLayer {
    RedisPubSubChannelLayer::open(&format!("redis+pubsub://{address}")).expect("a URL")
}
