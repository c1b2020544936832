//! The formats of `channels_redis`, without the network: what a Django site and this program write
//! into one Redis, and read from it.
//!
//! `tests/interop/redis_*.json` hold what the real packages wrote (`channels_redis` 4.3).
#![allow(dead_code, reason = "the layers that use the formats come next")]

mod body;
mod capacity;
mod codec;
mod connection;
mod encryption;
mod hosts;
mod keys;
mod member;
mod shard;
mod url;
#[cfg(test)]
mod vectors;
