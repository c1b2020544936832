//! What both layers can be told.

use std::time::Duration;

use super::body::Body;
use super::codec::Format;
use super::encryption::Fernet;
use super::hosts::Host;
use super::keys::Keys;
use super::url::RedisUrl;
use crate::{Error, ErrorKind, Result};

/// Their names in a URL.
pub(crate) const KNOWN: &str = "prefix, format, encryption_key, timeout";

/// The options that mean the same to both layers, with the defaults of `channels_redis`.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) hosts: Vec<Host>,
    pub(crate) prefix: String,
    pub(crate) format: Format,
    pub(crate) secrets: Vec<Secret>,
    /// How long a caller waits for Redis.
    pub(crate) patience: Duration,
}

/// Is never shown.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

impl Default for Options {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            prefix: "asgi".to_owned(),
            format: Format::MsgPack,
            secrets: Vec::new(),
            patience: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// Adds the hosts of a URL. What its options say is left to [`set`](Self::set).
    pub(crate) fn add_hosts(&mut self, url: &RedisUrl) {
        self.hosts.extend(url.hosts.iter().cloned());
    }

    /// Takes an option of a URL, and says whether it is one of the [`KNOWN`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the value is not allowed.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        match name {
            "prefix" => value.clone_into(&mut self.prefix),
            "format" => {
                self.format = match value {
                    "msgpack" => Format::MsgPack,
                    "json" => Format::Json,
                    _ => return Err(wrong("the format is `msgpack` or `json`")),
                }
            }
            "encryption_key" => self.add_secret(value.as_bytes()),
            "timeout" => {
                let seconds = value.parse::<f64>().ok();
                let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                self.set_timeout(timeout.unwrap_or_default())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn add_secret(&mut self, secret: &[u8]) {
        self.secrets.push(Secret(secret.to_owned()));
    }

    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is shorter than what Redis needs, or endless.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) -> Result {
        let allowed = Duration::from_millis(100)..=Duration::from_secs(300);
        if !allowed.contains(&timeout) {
            return Err(wrong("the timeout is 0.1 to 300 seconds"));
        }
        self.patience = timeout;
        Ok(())
    }

    /// The hosts; Django's default where none was named.
    ///
    /// # Errors
    ///
    /// None in practice: the default is a valid URL.
    pub(crate) fn hosts(&self) -> Result<Vec<Host>> {
        if self.hosts.is_empty() {
            return Ok(RedisUrl::parse("redis://localhost:6379")?.hosts);
        }
        Ok(self.hosts.clone())
    }

    pub(crate) fn has_cluster(&self) -> bool {
        self.hosts.iter().any(Host::is_cluster)
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys::new(&self.prefix)
    }

    pub(crate) fn body(&self) -> Body {
        Body {
            format: self.format,
            encryption: Fernet::new(self.secrets.iter().map(|Secret(secret)| secret)),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

pub(crate) fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::Config, format!("a Redis layer: {what}"))
}
