//! Where sessions are kept.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use crate::Result;

/// What a store promises, later.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Where sessions are kept: a table of the Django site's database, memory, the cookie itself.
///
/// A store keeps text under keys and knows when it expires; what the text is, signed and compressed
/// as Django does it, is not its business.
///
/// # Errors
///
/// A store that cannot be asked fails with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable),
/// after retries of its own: nobody is taken for a stranger because the database was down.
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// The text of a session that has not expired; `None` if there is none under the key.
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>>;

    /// Those of several sessions that are still there, by their keys: for checks of many
    /// connections at once.
    fn load_many<'a>(&'a self, keys: &'a [String]) -> StoreFuture<'a, Vec<(String, String)>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for key in keys {
                if let Some(text) = self.load(key).await? {
                    found.push((key.clone(), text));
                }
            }
            Ok(found)
        })
    }

    /// Keeps a new session until it expires, and gives its key: one that was never used before.
    fn create<'a>(&'a self, text: &'a str, expires: SystemTime) -> StoreFuture<'a, String>;

    /// Overwrites a session, and gives its key, which may be another one from now on. `None` if
    /// there is no session under the key any more: it was ended elsewhere, and stays so.
    fn save<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        expires: SystemTime,
    ) -> StoreFuture<'a, Option<String>>;

    /// Ends a session. Without one, nothing happens.
    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()>;

    /// Forgets what has expired, and tells how much: Django's `clearsessions`.
    fn clear_expired(&self) -> StoreFuture<'_, u64>;

    /// The salt of the signatures: Django's, by its session engine.
    fn salt(&self) -> &'static str {
        "django.contrib.sessions.SessionStore"
    }
}
