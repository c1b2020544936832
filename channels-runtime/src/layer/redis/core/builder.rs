//! What the layer can be told.

use std::time::Duration;

use super::super::capacity::Capacities;
use super::super::options::{KNOWN, Options, wrong};
use super::super::url::RedisUrl;
use super::RedisChannelLayer;
use super::shared::{Bounds, Shared};
use crate::Result;

/// The options of a [`RedisChannelLayer`]. What is not told is as with `channels_redis`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use channels_runtime::RedisChannelLayer;
///
/// let layer = RedisChannelLayer::builder()
///     .url("rediss://user:password@one.example:6380,two.example:6380")?
///     .prefix("shop")
///     .capacity(1000)
///     .channel_capacity("thumbnails*", 10)
///     .expiry(Duration::from_secs(30))?
///     .build()?;
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RedisChannelLayerBuilder {
    options: Options,
    bounds: Bounds,
    capacity: usize,
    patterns: Vec<(String, usize)>,
}

impl Default for RedisChannelLayerBuilder {
    fn default() -> Self {
        Self {
            options: Options::default(),
            bounds: Bounds::default(),
            capacity: 100,
            patterns: Vec::new(),
        }
    }
}

impl RedisChannelLayerBuilder {
    /// Adds the hosts of a URL, and takes its options: see [`RedisChannelLayer::open`].
    /// `channels_redis` spreads its groups over its `hosts` in their order. The default is
    /// `redis://localhost:6379`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), saying what is wrong.
    pub fn url(self, url: &str) -> Result<Self> {
        self.parsed(&RedisUrl::parse(url)?)
    }

    pub(super) fn parsed(mut self, url: &RedisUrl) -> Result<Self> {
        self.options.add_hosts(url);
        let known = format!("{KNOWN}, capacity, expiry, group_expiry");
        url.options(&known, |name, value| {
            let seconds = || value.parse().map(Duration::from_secs).ok();
            match name {
                "capacity" => {
                    self.capacity = value.parse().map_err(|_| wrong("`capacity` is a number"))?;
                }
                "expiry" => self.bounds.set_expiry(seconds())?,
                "group_expiry" => self.bounds.set_group_expiry(seconds())?,
                _ => return self.options.set(name, value),
            }
            Ok(true)
        })?;
        Ok(self)
    }

    /// What the names of all keys begin with, `asgi` unless it is told.
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.options.prefix);
        self
    }

    /// Writes and reads JSON: `"serializer_format": "json"` of `channels_redis`. Bytes cannot be
    /// sent then.
    pub fn json(mut self) -> Self {
        self.options.format = super::super::codec::Format::Json;
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
    /// seconds unless it is told.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it is not 0.1 to 300 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self> {
        self.options.set_timeout(timeout)?;
        Ok(self)
    }

    /// How many events may wait in a queue: 100 unless it is told. All channels of one process share
    /// a queue, as with `channels_redis`.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// How many may wait for channels whose name matches a pattern (`*`, `?`, `[a-z]`); the first
    /// pattern that matches counts.
    pub fn channel_capacity(mut self, pattern: &str, capacity: usize) -> Self {
        self.patterns.push((pattern.to_owned(), capacity));
        self
    }

    /// How long an event waits: a minute unless it is told, in whole seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it is not a second to a year.
    pub fn expiry(mut self, expiry: Duration) -> Result<Self> {
        self.bounds.set_expiry(Some(expiry))?;
        Ok(self)
    }

    /// How long a membership lasts that nobody renews: a day unless it is told, in whole seconds.
    /// Those of this process are renewed long before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it is not a second to a year.
    pub fn group_expiry(mut self, expiry: Duration) -> Result<Self> {
        self.bounds.set_group_expiry(Some(expiry))?;
        Ok(self)
    }

    /// How many random bytes stand before each event in its queue, 12 unless it is told:
    /// `random_prefix_length`, which has to be that of the Django site.
    pub fn random_prefix_length(mut self, bytes: usize) -> Self {
        self.bounds.random_prefix = bytes;
        self
    }

    /// The layer. It connects when it is used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if an option cannot be.
    pub fn build(self) -> Result<RedisChannelLayer> {
        if self.capacity == 0 || self.patterns.iter().any(|(_, capacity)| *capacity == 0) {
            return Err(wrong("a capacity is at least 1"));
        }
        if !(1..=255).contains(&self.bounds.random_prefix) {
            return Err(wrong("its random prefix has 1 to 255 bytes"));
        }
        if self.options.has_cluster() {
            return Err(wrong("a cluster is for `redis+pubsub+cluster://` alone"));
        }
        let patterns = self.patterns.iter();
        let patterns = patterns.map(|(pattern, capacity)| (pattern.as_str(), *capacity));
        let capacities = Capacities::new(patterns, self.capacity);
        let shared = Shared::new(&self.options, self.bounds, capacities)?;
        Ok(RedisChannelLayer::new(shared))
    }
}
