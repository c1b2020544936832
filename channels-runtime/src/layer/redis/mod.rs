//! The layers over Redis, which a Django site shares: what it and this program write there, and read.
//!
//! `tests/interop/redis_*.json` hold what the real packages wrote (`channels_redis` 4.3).
mod backoff;
mod body;
mod capacity;
mod codec;
mod connection;
mod core;
mod encryption;
mod gap;
mod hosts;
mod keys;
mod member;
mod options;
mod outage;
mod pubsub;
mod refused;
mod sentinel;
mod shard;
mod tls;
mod url;
#[cfg(test)]
mod vectors;

use std::sync::Arc;

#[cfg(fuzzing)]
pub(crate) use self::codec::Format;
pub use self::core::{RedisChannelLayer, RedisChannelLayerBuilder};
#[cfg(fuzzing)]
pub(crate) use self::member::Members;
pub use self::pubsub::{RedisPubSubChannelLayer, RedisPubSubChannelLayerBuilder};
use self::url::RedisUrl;
use super::ChannelLayer;
use crate::Result;

/// The layer of a URL that begins with `redis`.
///
/// # Errors
///
/// [`ErrorKind::Config`], saying what is wrong with the URL.
pub(super) fn from_url(url: &str) -> Result<Arc<dyn ChannelLayer>> {
    let url = RedisUrl::parse(url)?;
    if url.pubsub {
        return Ok(Arc::new(RedisPubSubChannelLayer::from_url(&url)?));
    }
    Ok(Arc::new(RedisChannelLayer::from_url(&url)?))
}
