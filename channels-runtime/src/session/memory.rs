//! Sessions in the memory of this process.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::key::new_session_key;
use super::{SessionStore, StoreFuture};
use crate::Result;

/// Sessions in the memory of this process, gone when it ends: for tests, and for one server whose
/// users may have to log in again.
///
/// Clones are one store. It behaves as the database does. What has expired is forgotten as new
/// sessions come, so that it takes no more than twice the memory of those that live; how many live,
/// nothing bounds but their age.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use channels_runtime::{InMemorySessionStore, SessionStore};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let store = InMemorySessionStore::new();
/// let key = store.create("text", SystemTime::now() + Duration::from_secs(60)).await?;
/// assert_eq!(store.load(&key).await?.as_deref(), Some("text"));
/// # Ok::<(), channels_runtime::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct InMemorySessionStore(Arc<Mutex<Rows>>);

/// Fewer sessions than this are not looked through for expired ones.
const FEW: usize = 1024;

#[derive(Default)]
struct Rows {
    rows: HashMap<String, Row>,
    /// How many rows there may be before expired ones are looked for.
    enough: usize,
}

struct Row {
    text: Box<str>,
    expires: SystemTime,
}

impl InMemorySessionStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn load(&self, key: &str, now: SystemTime) -> Option<String> {
        let row = self.rows.get(key).filter(|row| row.expires > now)?;
        Some(row.text.to_string())
    }

    fn create(&mut self, row: Row, now: SystemTime) -> Result<String> {
        if self.rows.len() >= self.enough.max(FEW) {
            self.clear_expired(now);
            // So each row is looked at twice on average, however many there are.
            self.enough = self.rows.len() * 2;
        }
        loop {
            let key = new_session_key()?;
            if !self.rows.contains_key(&key) {
                self.rows.insert(key.clone(), row);
                return Ok(key);
            }
        }
    }

    fn clear_expired(&mut self, now: SystemTime) -> u64 {
        let before = self.rows.len();
        self.rows.retain(|_, row| row.expires >= now);
        let cleared = before - self.rows.len();
        self.rows.shrink_to(self.rows.len() * 2);
        cleared as u64
    }
}

impl SessionStore for InMemorySessionStore {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>> {
        let found = self.rows().load(key, SystemTime::now());
        Box::pin(ready(Ok(found)))
    }

    fn create<'a>(&'a self, text: &'a str, expires: SystemTime) -> StoreFuture<'a, String> {
        let text = text.into();
        let key = self.rows().create(Row { text, expires }, SystemTime::now());
        Box::pin(ready(key))
    }

    fn save<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        expires: SystemTime,
    ) -> StoreFuture<'a, Option<String>> {
        let saved = self.rows().rows.get_mut(key).map(|row| {
            let text = text.into();
            *row = Row { text, expires };
            key.to_owned()
        });
        Box::pin(ready(Ok(saved)))
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        self.rows().rows.remove(key);
        Box::pin(ready(Ok(())))
    }

    fn clear_expired(&self) -> StoreFuture<'_, u64> {
        let cleared = self.rows().clear_expired(SystemTime::now());
        Box::pin(ready(Ok(cleared)))
    }
}

impl fmt::Debug for InMemorySessionStore {
    /// Shows how many sessions there are, not what they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemorySessionStore")
            .field("sessions", &self.rows().rows.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const SECOND: Duration = Duration::from_secs(1);

    fn row(expires: SystemTime) -> Row {
        Row {
            text: "text".into(),
            expires,
        }
    }

    #[test]
    fn a_session_that_ends_now_has_ended() {
        let mut rows = Rows::default();
        let key = rows.create(row(NOW + SECOND), NOW).expect("a key");
        assert_eq!(rows.load(&key, NOW).as_deref(), Some("text"));
        assert_eq!(rows.load(&key, NOW + SECOND), None);
        // It is there until it has been over for a moment, as Django's `clearsessions` has it.
        assert_eq!(rows.clear_expired(NOW + SECOND), 0);
        assert_eq!(rows.clear_expired(NOW + SECOND * 2), 1);
        assert_eq!(rows.clear_expired(NOW + SECOND * 2), 0);
    }

    #[test]
    fn expired_sessions_are_forgotten_as_new_ones_come() {
        let mut rows = Rows::default();
        let mut most = 0;
        for i in 0..100_000 {
            let now = NOW + SECOND * i;
            rows.create(row(now + SECOND * 5000), now).expect("a key");
            most = most.max(rows.rows.len());
        }
        assert!((5000..=10_010).contains(&most), "{most}");
    }

    #[test]
    fn no_session_is_forgotten_that_lives() {
        let mut rows = Rows::default();
        let keys: Vec<_> = (0..10_000)
            .map(|_| rows.create(row(NOW + SECOND), NOW).expect("a key"))
            .collect();
        assert!(keys.iter().all(|key| rows.load(key, NOW).is_some()));
    }

    #[tokio::test]
    async fn a_session_that_was_ended_is_not_saved_again() {
        // Nothing of it waits, so nothing needs a deadline.
        let store = InMemorySessionStore::new();
        let same = store.clone();
        let later = SystemTime::now() + SECOND * 60;
        let key = store.create("one", later).await.expect("a key");
        let saved = same.save(&key, "two", later).await.expect("an answer");
        assert_eq!(saved.as_ref(), Some(&key));
        let found = store.load(&key).await.expect("an answer");
        assert_eq!(found.as_deref(), Some("two"));
        same.delete(&key).await.expect("an answer");
        same.delete(&key).await.expect("an answer");
        assert_eq!(
            store.save(&key, "three", later).await.expect("an answer"),
            None
        );
        assert_eq!(store.load(&key).await.expect("an answer"), None);
        assert_eq!(format!("{store:?}"), "InMemorySessionStore { sessions: 0 }");
    }
}
