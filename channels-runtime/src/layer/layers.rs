//! The channel layers of an application, by alias.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ChannelLayer, InMemoryChannelLayer};
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

    /// Reads the environment's `CHANNEL_LAYERS` as [`from_urls`](Self::from_urls) does; one
    /// in-memory layer if it is not set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] as `from_urls`.
    pub fn from_env() -> Result<Self> {
        match std::env::var(CHANNEL_LAYERS) {
            Ok(text) => Self::from_urls(&text),
            Err(std::env::VarError::NotPresent) => Ok(Self::default()),
            Err(error) => Err(Error::caused(
                ErrorKind::Config,
                format!("the environment's {CHANNEL_LAYERS} is not UTF-8"),
                error,
            )),
        }
    }

    /// Reads `alias=url` pairs, separated by white space; a URL alone is the default's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a URL of no known scheme, and for an alias given twice.
    pub fn from_urls(text: &str) -> Result<Self> {
        let mut layers = HashMap::new();
        for pair in text.split_whitespace() {
            let (alias, url) = match pair.split_once('=') {
                Some((alias, url)) if !alias.contains(':') => (alias, url),
                _ => (DEFAULT, pair),
            };
            if layers.insert(alias.into(), layer_from_url(url)?).is_some() {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("{CHANNEL_LAYERS}: the alias `{alias}` is given twice"),
                ));
            }
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
    // What does not even have a scheme may be a password.
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let known = if cfg!(feature = "redis") {
        "`memory://`, `redis+pubsub://…`, `redis://…`"
    } else {
        "`memory://`, and Redis with the crate's feature `redis`"
    };
    match scheme {
        "memory" if url == "memory://" => Ok(Arc::new(InMemoryChannelLayer::new())),
        #[cfg(feature = "redis")]
        scheme if scheme.starts_with("redis") => super::redis::from_url(url),
        scheme => Err(Error::new(
            ErrorKind::Config,
            format!("{CHANNEL_LAYERS}: cannot use a URL of the scheme `{scheme}`; known: {known}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_says_what_is_allowed() {
        let bad = |text| ChannelLayers::from_urls(text).expect_err(text).to_string();
        assert!(bad("memroy://:secret@h").contains("`memroy`; known: `memory://`"));
        assert!(bad("a=memory:// a=memory://").contains("`a` is given twice"));
        let none = ChannelLayers::default()
            .get("x")
            .expect_err("no x")
            .to_string();
        assert_eq!(none, "no channel layer `x`; configured: [default]");
    }
}
