//! What the layer can be told.

use std::time::Duration;

use super::super::codec::Format;
use super::super::options::{KNOWN, Options, wrong};
use super::super::url::RedisUrl;
use super::RedisPubSubChannelLayer;
use super::shared::Shared;
use crate::Result;

/// Redis ends the connection of each subscriber for whom 32 MiB wait.
const MAX_MESSAGE: usize = 8 << 20;

/// The options of a [`RedisPubSubChannelLayer`]. What is not told is as with `channels_redis`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use channels_runtime::RedisPubSubChannelLayer;
///
/// let layer = RedisPubSubChannelLayer::builder()
///     .url("rediss+pubsub://user:password@one.example:6380,two.example:6380")?
///     .prefix("shop")
///     .encryption_keys(["new secret", "old secret"])
///     .timeout(Duration::from_secs(2))?
///     .build()?;
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RedisPubSubChannelLayerBuilder {
    options: Options,
    is_sharded: bool,
    max_message: usize,
}

impl Default for RedisPubSubChannelLayerBuilder {
    fn default() -> Self {
        Self {
            options: Options::default(),
            is_sharded: false,
            max_message: MAX_MESSAGE,
        }
    }
}

impl RedisPubSubChannelLayerBuilder {
    /// Adds the hosts of a URL, and takes its options: see [`RedisPubSubChannelLayer::open`].
    /// `channels_redis` spreads its groups over its `hosts` in their order. The default is
    /// `redis+pubsub://localhost:6379`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), saying what is wrong.
    pub fn url(self, url: &str) -> Result<Self> {
        self.parsed(&RedisUrl::parse(url)?)
    }

    pub(super) fn parsed(mut self, url: &RedisUrl) -> Result<Self> {
        self.options.add_hosts(url);
        url.options(&format!("{KNOWN}, max_message, sharded"), |name, value| {
            match name {
                "max_message" => {
                    let bytes = value.parse().ok();
                    self.max_message =
                        bytes.ok_or_else(|| wrong("`max_message` is a number of bytes"))?;
                }
                "sharded" => {
                    let is_sharded = value.parse().ok();
                    self.is_sharded =
                        is_sharded.ok_or_else(|| wrong("`sharded` is `true` or `false`"))?;
                }
                _ => return self.options.set(name, value),
            }
            Ok(true)
        })?;
        Ok(self)
    }

    /// What the names of all topics begin with, `asgi` unless it is told.
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.options.prefix);
        self
    }

    /// Writes and reads JSON: `"serializer_format": "json"` of `channels_redis`. Bytes cannot be
    /// sent then.
    pub fn json(mut self) -> Self {
        self.options.format = Format::Json;
        self
    }

    /// Encrypts with the first of these secrets, and decrypts with any:
    /// `symmetric_encryption_keys` of `channels_redis`.
    pub fn encryption_keys<S: AsRef<[u8]>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        for key in keys {
            self.options.add_secret(key.as_ref());
        }
        self
    }

    /// How long a call waits for Redis while it is away, and how long Redis may take to answer: five
    /// seconds unless it is told. A connection over which nothing comes for one and a half times that
    /// is given up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it is not 0.1 to 300 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self> {
        self.options.set_timeout(timeout)?;
        Ok(self)
    }

    /// The largest message, as it lies in Redis, that is sent, or taken from others: 8 MiB unless it
    /// is told. (Redis ends the connection of each subscriber for whom more than 32 MiB wait.)
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Uses the sharded pub/sub of a Redis Cluster (7 or later): each group is the business of the one
    /// node that has its slot, so the cluster carries the more the more nodes it has. Without, what is
    /// published at one node goes to all of them.
    ///
    /// Connections are made to nodes that are masters and find the state of the cluster good. With
    /// `cluster-require-full-coverage yes`, Redis' default, no node does while slots are without a
    /// master: connections that there are go on, new ones wait.
    ///
    /// All servers have to be told. `channels_redis` does not know it: it neither hears these servers
    /// nor is heard.
    pub fn sharded(mut self) -> Self {
        self.is_sharded = true;
        self
    }

    /// The layer. It connects when it is used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the prefix cannot begin the name of a
    /// channel: it has up to 58 ASCII letters, digits, `-`, `_` and `.`. And if it is
    /// [`sharded`](Self::sharded), but no cluster.
    pub fn build(self) -> Result<RedisPubSubChannelLayer> {
        let prefix = &self.options.prefix;
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if prefix.len() > 58 || !prefix.bytes().all(is_allowed) {
            return Err(wrong(
                "its prefix has up to 58 letters, digits, `-`, `_` and `.`",
            ));
        }
        let is_cluster = self.options.hosts.len() == 1 && self.options.has_cluster();
        if self.is_sharded && !is_cluster {
            return Err(wrong(
                "sharded pub/sub is for one cluster: redis+pubsub+cluster://",
            ));
        }
        let shared = Shared::new(&self.options, self.is_sharded, self.max_message)?;
        Ok(RedisPubSubChannelLayer::new(shared))
    }
}
