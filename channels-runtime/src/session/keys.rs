//! The site's secret keys.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, Result};

/// The secret keys of a site: Django's `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.
///
/// What this site signs is signed with the current key. What was signed with a fallback is still
/// read, so that the key can change and nobody has to log in again. Clones are cheap.
///
/// # Examples
///
/// ```
/// use channels_runtime::SecretKeys;
///
/// let keys = SecretKeys::new("the key since last week").fallback("the key before");
/// assert_eq!(format!("{keys:?}"), "SecretKeys");
/// ```
#[derive(Clone)]
pub struct SecretKeys {
    current: Arc<str>,
    fallbacks: Arc<[Arc<str>]>,
}

impl SecretKeys {
    /// The key to sign with. To share sessions with a Django site it has to be that site's.
    pub fn new(current: impl Into<Arc<str>>) -> Self {
        Self {
            current: current.into(),
            fallbacks: Arc::default(),
        }
    }

    /// Another key whose signatures are taken; those that were added before are tried first.
    #[must_use]
    pub fn fallback(self, old: impl Into<Arc<str>>) -> Self {
        let known = self.fallbacks.iter().cloned();
        Self {
            fallbacks: known.chain([old.into()]).collect(),
            ..self
        }
    }

    /// Refuses keys that everybody knows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a key is empty, as one is that was read from an unset variable.
    pub(crate) fn check(&self) -> Result {
        if self.current.is_empty() || self.fallbacks().any(str::is_empty) {
            return Err(Error::new(
                ErrorKind::Config,
                "a secret key is empty; it has to be a text that nobody guesses",
            ));
        }
        Ok(())
    }

    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    pub(crate) fn fallbacks(&self) -> impl Iterator<Item = &str> {
        self.fallbacks.iter().map(|key| &**key)
    }
}

impl fmt::Debug for SecretKeys {
    /// Shows nothing of the keys, not even how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKeys")
    }
}

/// Django's `salted_hmac`: HMAC-SHA256 of a message, its key being SHA-256 of salt and secret.
pub(crate) fn salted_hmac(salt: &[&str], secret: &str, message: &str) -> [u8; 32] {
    let mut key = Sha256::new();
    for part in salt {
        key.update(part);
    }
    key.update(secret);
    // HMAC fills a short key up with zeros to the length of a block (RFC 2104 §2). A whole block is
    // the one key that the library takes without a way to fail.
    let mut block = [0; 64];
    block[..32].copy_from_slice(&key.finalize());
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_tried_in_their_order() {
        let keys = SecretKeys::new("new").fallback("old").fallback("older");
        assert_eq!(keys.current(), "new");
        assert!(keys.fallbacks().eq(["old", "older"]));
        assert!(keys.check().is_ok());
    }

    #[test]
    fn an_empty_key_is_refused() {
        for keys in [SecretKeys::new(""), SecretKeys::new("new").fallback("")] {
            assert_eq!(keys.check().expect_err("empty").kind(), ErrorKind::Config);
        }
    }
}
