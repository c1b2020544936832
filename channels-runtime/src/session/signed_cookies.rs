//! Sessions that lie in their cookies.

use std::future::ready;
use std::time::{Duration, SystemTime};

use super::signing::is_older;
use super::{SessionCookie, SessionStore, StoreFuture};
use crate::scope::MAX_COOKIE;
use crate::{Error, ErrorKind, Result};

/// Sessions that lie in their cookies, signed: Django's `signed_cookies` engine.
///
/// The server keeps nothing, so it can end nothing: who has copied a cookie is logged in until it is
/// too old, logout or not. Its user can read it. A session's own end is not looked at, as in Django;
/// only [`SessionCookie::age`] is.
///
/// A socket that is open cannot set a cookie, so what it changes in its session is lost.
///
/// # Examples
///
/// ```
/// use channels_runtime::{SessionCookie, SignedCookieStore};
///
/// let store = SignedCookieStore::new(&SessionCookie::default());
/// ```
#[derive(Clone, Debug)]
pub struct SignedCookieStore {
    age: Duration,
    /// How long a text may be beside the cookie's name.
    bytes: usize,
}

impl SignedCookieStore {
    /// The store for the cookies of these settings.
    pub fn new(cookie: &SessionCookie) -> Self {
        Self {
            age: cookie.age,
            bytes: MAX_COOKIE.saturating_sub(cookie.name.len()),
        }
    }

    pub(super) fn load_at(&self, key: &str, now: SystemTime) -> Option<String> {
        (!is_older(key, self.age, now)).then(|| key.to_owned())
    }

    /// Refuses what a browser would drop without a word, as soon as it is saved: when the cookie is
    /// set, nobody is there any more who could save less.
    fn checked(&self, text: &str) -> Result<String> {
        if text.len() > self.bytes {
            return Err(Error::new(
                ErrorKind::Encode,
                format!(
                    "the session has {} bytes as a cookie; browsers keep at most {}",
                    text.len(),
                    self.bytes
                ),
            ));
        }
        Ok(text.to_owned())
    }
}

impl SessionStore for SignedCookieStore {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(ready(Ok(self.load_at(key, SystemTime::now()))))
    }

    fn create<'a>(&'a self, text: &'a str, _: SystemTime) -> StoreFuture<'a, String> {
        Box::pin(ready(self.checked(text)))
    }

    fn save<'a>(
        &'a self,
        _: &'a str,
        text: &'a str,
        _: SystemTime,
    ) -> StoreFuture<'a, Option<String>> {
        Box::pin(ready(self.checked(text).map(Some)))
    }

    fn delete<'a>(&'a self, _: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(ready(Ok(())))
    }

    fn clear_expired(&self) -> StoreFuture<'_, u64> {
        Box::pin(ready(Ok(0)))
    }

    fn salt(&self) -> &'static str {
        "django.contrib.sessions.backends.signed_cookies"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_text_is_the_key() {
        let store = SignedCookieStore::new(&SessionCookie::default());
        let now = SystemTime::now();
        assert_eq!(store.create("text", now).await.expect("a key"), "text");
        let saved = store.save("old", "new", now).await.expect("an answer");
        assert_eq!(saved.as_deref(), Some("new"));
        assert_eq!(store.load("no time").await.expect("an answer"), None);
        let found = store.load("x:zzzzzzz:y").await.expect("an answer");
        assert_eq!(found.as_deref(), Some("x:zzzzzzz:y"));
    }

    #[tokio::test]
    async fn what_browsers_would_drop_is_an_error() {
        let cookie = SessionCookie::default();
        let store = SignedCookieStore::new(&cookie);
        let now = SystemTime::now();
        let largest = "x".repeat(4096 - "sessionid".len());
        assert!(store.create(&largest, now).await.is_ok());
        assert!(crate::SetCookie::new(cookie.name, &largest).is_ok());
        let error = store.create(&format!("{largest}x"), now).await;
        assert_eq!(error.expect_err("too long").kind(), ErrorKind::Encode);
        let error = store.save("old", &format!("{largest}x"), now).await;
        assert_eq!(error.expect_err("too long").kind(), ErrorKind::Encode);
    }
}
