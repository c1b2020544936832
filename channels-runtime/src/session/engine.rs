//! How an application keeps its sessions: what all of them share.

use std::sync::Arc;
use std::time::SystemTime;

use super::cleanup::Cleanup;
use super::cookie::SessionCookie;
use super::data::SessionData;
use super::expiry::Lifetime;
use super::keys::SecretKeys;
use super::signing::Unreadable;
use super::store::SessionStore;
use crate::log::LogLimit;
use crate::{ErrorKind, Result, SetCookie};

/// The store, the secret keys that sign what is in it, and the cookie that names a session.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) keys: SecretKeys,
    pub(crate) cookie: SessionCookie,
    pub(crate) cleanup: Cleanup,
    /// Lines about sessions that cannot be read: a client sends its cookie as often as it likes.
    pub(crate) unreadable: Arc<LogLimit>,
    /// Lines about sessions whose new key cannot reach their browser.
    pub(crate) unreachable: Arc<LogLimit>,
}

/// The session that is stored under a key.
#[derive(Debug)]
pub(super) enum Loaded {
    Missing,
    /// A session that none of the site's keys signed.
    Unsigned,
    Found(SessionData),
    /// A session of the site in a format that this crate does not read; the reason.
    Unreadable(&'static str),
}

impl Engine {
    /// Loads a session. A session that is there but cannot be read is logged, at a bounded rate.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] and others, as the store.
    pub(super) async fn load(&self, key: &str) -> Result<Loaded> {
        let text = match self.store.load(key).await {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Loaded::Missing),
            Err(error) if error.kind() == ErrorKind::Decode => {
                if let Some(suppressed) = self.unreadable.permit() {
                    let source = error.source_text();
                    tracing::warn!(%error, source, suppressed, "session row cannot be read, left unchanged");
                }
                return Ok(Loaded::Unreadable("its row in the store does not decode"));
            }
            Err(error) => return Err(error),
        };
        Ok(self.decode(&text))
    }

    pub(super) async fn create(&self, data: &SessionData) -> Result<String> {
        let now = SystemTime::now();
        let expires = Lifetime::of(data, &self.cookie, now)?.expires;
        let text = self.encode(data, now);
        self.cleanup.start(&self.store);
        self.store.create(&text, expires).await
    }

    /// The key from now on; `None` if the session is gone.
    pub(super) async fn save(&self, key: &str, data: &SessionData) -> Result<Option<String>> {
        let now = SystemTime::now();
        let expires = Lifetime::of(data, &self.cookie, now)?.expires;
        let text = self.encode(data, now);
        self.store.save(key, &text, expires).await
    }

    /// The cookie for a session that was just saved under a key.
    pub(super) fn set_cookie(&self, key: &str, data: &SessionData) -> Result<SetCookie> {
        let lifetime = Lifetime::of(data, &self.cookie, SystemTime::now())?;
        self.cookie.set(key, &lifetime)
    }

    /// Reads the text of a session. A text that cannot be read is logged, at a bounded rate.
    pub(super) fn decode(&self, text: &str) -> Loaded {
        let unreadable = match self.keys.read(self.store.salt(), text) {
            Ok(data) => return Loaded::Found(data),
            Err(unreadable) => unreadable,
        };
        let (reason, loaded) = match unreadable {
            Unreadable::Signature => (
                "none of the secret keys signed it: SECRET_KEY must be that of the site",
                Loaded::Unsigned,
            ),
            Unreadable::Payload(reason) => (reason, Loaded::Unreadable(reason)),
        };
        if let Some(suppressed) = self.unreadable.permit() {
            tracing::warn!(
                reason,
                suppressed,
                "session cannot be read: the client is anonymous, the session is left unchanged"
            );
        }
        loaded
    }

    /// The data of a session that can be read.
    pub(crate) fn readable(&self, text: &str) -> Option<SessionData> {
        match self.decode(text) {
            Loaded::Found(data) => Some(data),
            Loaded::Missing | Loaded::Unsigned | Loaded::Unreadable(_) => None,
        }
    }

    fn encode(&self, data: &SessionData, now: SystemTime) -> String {
        self.keys.sign(self.store.salt(), &data.to_json(), now)
    }
}
