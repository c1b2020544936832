//! The channel layers of an application, by alias.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ChannelLayer, InMemoryChannelLayer};
use crate::environment::{invalid, variable};
use crate::log::Excerpt;
use crate::{Error, ErrorKind, Result};

/// The environment variable with the layers.
const CHANNEL_LAYERS: &str = "CHANNEL_LAYERS";

/// The alias of a consumer's layer that names no other.
pub(crate) const DEFAULT: &str = "default";

/// Channel layers by alias: Django's `CHANNEL_LAYERS`.
///
/// # Examples
///
/// ```
/// use channels_runtime::ChannelLayers;
///
/// let layers = ChannelLayers::from_urls("default=memory:// background=memory://")?;
/// assert!(layers.get("background").is_ok());
/// assert!(layers.get("other").is_err());
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChannelLayers(HashMap<Box<str>, Arc<dyn ChannelLayer>>);

impl ChannelLayers {
    /// One layer, under the alias `default`.
    pub fn new(default: impl ChannelLayer) -> Self {
        Self(HashMap::from([(
            DEFAULT.into(),
            Arc::new(default) as Arc<dyn ChannelLayer>,
        )]))
    }

    /// No layers at all.
    pub(crate) fn none() -> Self {
        Self(HashMap::new())
    }

    /// Adds a layer under another alias, or replaces one.
    #[must_use]
    pub fn with(mut self, alias: &str, layer: impl ChannelLayer) -> Self {
        self.0.insert(alias.into(), Arc::new(layer));
        self
    }

    /// Reads the environment variable `CHANNEL_LAYERS` as [`from_urls`](Self::from_urls) does.
    /// Defaults to one in-memory layer if the variable is unset or empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] as `from_urls`, and if the variable is not UTF-8. The message names the
    /// variable.
    pub fn from_env() -> Result<Self> {
        match variable(CHANNEL_LAYERS)? {
            Some(text) => Self::from_urls(&text).map_err(|error| invalid(CHANNEL_LAYERS, &error)),
            None => Ok(Self::default()),
        }
    }

    /// Reads `alias=url` pairs, separated by white space. A URL alone has the alias `default`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a URL is invalid or has an unknown scheme, an alias is given twice, or
    /// there is no URL at all. The message names the alias, and no password.
    pub fn from_urls(text: &str) -> Result<Self> {
        let mut layers = HashMap::new();
        for pair in text.split_whitespace() {
            let (alias, url) = match pair.split_once('=') {
                Some((alias, url)) if !alias.contains(':') => (alias, url),
                _ => (DEFAULT, pair),
            };
            let layer = layer_from_url(url).map_err(|error| of_alias(alias, &error))?;
            if layers.insert(alias.into(), layer).is_some() {
                let what = Error::new(ErrorKind::Config, "the alias is given twice");
                return Err(of_alias(alias, &what));
            }
        }
        if layers.is_empty() {
            let what = "no channel layer is given: expected `alias=url` pairs, such as \
                        `default=memory://`";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(Self(layers))
    }

    /// The layer of an alias.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is none, naming those that are.
    pub fn get(&self, alias: &str) -> Result<&Arc<dyn ChannelLayer>> {
        self.0.get(alias).ok_or_else(|| {
            let mut known: Vec<_> = self.0.keys().map(|alias| &**alias).collect();
            known.sort_unstable();
            Error::new(
                ErrorKind::Config,
                format!(
                    "no channel layer `{alias}`; configured: [{}]",
                    known.join(", ")
                ),
            )
        })
    }

    /// The layer of the alias `default`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) fn default_layer(&self) -> Result<&Arc<dyn ChannelLayer>> {
        self.get(DEFAULT)
    }

    /// All layers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn ChannelLayer>> {
        self.0.values()
    }
}

impl Default for ChannelLayers {
    fn default() -> Self {
        Self::new(InMemoryChannelLayer::new())
    }
}

fn layer_from_url(url: &str) -> Result<Arc<dyn ChannelLayer>> {
    // A text without a scheme may be a password.
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let known = if cfg!(feature = "redis") {
        "`memory://`, `redis+pubsub://…`, `redis://…` (also `rediss`, `valkey`, `valkeys`, `unix`)"
    } else {
        "`memory://`, and Redis with the crate's feature `redis`"
    };
    match scheme {
        "memory" if url == "memory://" => Ok(Arc::new(InMemoryChannelLayer::new())),
        "memory" => {
            let what = "`memory://` takes no address and no options";
            Err(Error::new(ErrorKind::Config, what))
        }
        #[cfg(feature = "redis")]
        scheme if is_redis(scheme) => super::redis::from_url(url),
        "" => {
            let what = format!("expected a URL of a known scheme: {known}");
            Err(Error::new(ErrorKind::Config, what))
        }
        scheme => {
            let scheme = Excerpt(scheme.as_bytes());
            let what = format!("unknown scheme `{scheme}`; known: {known}");
            Err(Error::new(ErrorKind::Config, what))
        }
    }
}

/// Whether a scheme is one of the Redis layers', perhaps with a mistake in its later parts.
#[cfg(feature = "redis")]
fn is_redis(scheme: &str) -> bool {
    let first = scheme.split('+').next().unwrap_or_default();
    ["redis", "rediss", "valkey", "valkeys", "unix"].contains(&first)
}

fn of_alias(alias: &str, error: &Error) -> Error {
    let alias = Excerpt(alias.as_bytes());
    let what = format!("channel layer `{alias}`: {error}");
    match error.source_text() {
        source if source.is_empty() => Error::new(error.kind(), what),
        source => Error::caused(error.kind(), what, source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_says_what_is_allowed() {
        let bad = |text: &str| ChannelLayers::from_urls(text).expect_err(text).to_string();
        assert!(bad("memroy://:secret@h").contains("`memroy`; known: `memory://`"));
        assert!(bad("a=memory:// a=memory://").contains("`a`: the alias is given twice"));
        assert!(bad("  ").contains("expected `alias=url` pairs"));
        assert!(bad("memory://host").contains("takes no address"));
        assert!(bad("b=hunter2").contains("channel layer `b`: expected a URL"));
        assert!(!bad("b=hunter2").contains("hunter2"));
        #[cfg(feature = "redis")]
        for url in ["redis", "rediss+pubsub", "valkey", "valkeys+pubsub"] {
            let error = bad(&format!("jobs={url}://:hunter2@h?hunter2=1"));
            assert!(error.contains("channel layer `jobs`: "), "{error}");
            assert!(
                error.contains("option 1 is unknown; known: prefix"),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{error}");
        }
        let none = ChannelLayers::default()
            .get("x")
            .expect_err("no x")
            .to_string();
        assert_eq!(none, "no channel layer `x`; configured: [default]");
    }
}
