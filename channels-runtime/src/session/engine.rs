//! How an application keeps its sessions: what all of them share.

use std::sync::Arc;
use std::time::SystemTime;

use super::cookie::SessionCookie;
use super::data::SessionData;
use super::expiry::Lifetime;
use super::keys::SecretKeys;
use super::store::SessionStore;
use crate::{Result, SetCookie};

/// The store, the secret keys that sign what is in it, and the cookie that names a session.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) keys: SecretKeys,
    pub(crate) cookie: SessionCookie,
}

impl Engine {
    /// The data of a session. What does not decode is an empty session, as in Django; only a key
    /// that the store does not know is none.
    pub(super) async fn load(&self, key: &str) -> Result<Option<SessionData>> {
        let text = self.store.load(key).await?;
        Ok(text.map(|text| self.decode(&text)))
    }

    pub(super) async fn create(&self, data: &SessionData) -> Result<String> {
        let now = SystemTime::now();
        let expires = Lifetime::of(data, &self.cookie, now)?.expires;
        let text = self.encode(data, now);
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

    pub(crate) fn decode(&self, text: &str) -> SessionData {
        self.keys.read(self.store.salt(), text).unwrap_or_default()
    }

    fn encode(&self, data: &SessionData, now: SystemTime) -> String {
        self.keys.sign(self.store.salt(), &data.to_json(), now)
    }
}
