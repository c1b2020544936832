//! The core layer: the same keys as a Django site's.

mod exchange;
mod faults;
mod jobs;
mod losses;
mod members;
mod queues;
mod reader;
mod rosters;

use channels::RedisChannelLayer;

pub(crate) const CORE: &str = "channels_redis.core.RedisChannelLayer";

/// A layer of a server's own, on the same hosts as the others.
pub(crate) fn core(address: &str) -> RedisChannelLayer {
    RedisChannelLayer::open(&format!("redis://{address}")).expect("a URL")
}
