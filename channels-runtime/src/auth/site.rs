//! The site whose sessions and users these are.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::memory::InMemoryUserStore;
use super::passwords::PasswordHashers;
use super::user::UserStore;
use super::watch::Watch;
use crate::session::{
    Engine, InMemorySessionStore, SecretKeys, SessionCookie, SessionStore, new_session_key,
};
use crate::{Error, ErrorKind, Result};

/// The backend that Django notes in the session of a user who logs in with a password.
pub(super) const MODEL_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

/// A site that does not have to stay.
#[derive(Clone)]
pub(super) struct WeakSite(Weak<Inner>);

/// A site: whose sessions and users these are.
///
/// What a Django project says in its settings: the secret keys, the database, the session's cookie,
/// the password hashers, the allowed hosts. With the same values beside a Django site, whoever is
/// logged in there is logged in here.
///
/// An application takes it by [`ProtocolTypeRouter::site`](crate::ProtocolTypeRouter::site); without,
/// [`AuthMiddlewareStack`](crate::AuthMiddlewareStack) and its parts take [`Site::from_env`]. Clones
/// are the same site.
///
/// # Examples
///
/// ```
/// use channels_runtime::{InMemorySessionStore, SecretKeys, Site};
/// # use channels_runtime::{StoreFuture, UserRecord, UserStore};
/// # fn users() -> impl UserStore { channels_runtime::InMemoryUserStore::default() }
///
/// let keys = SecretKeys::new("the SECRET_KEY of the settings").fallback("the one before");
/// let site = Site::new(keys, InMemorySessionStore::default(), users())
///     .allowed_hosts(["example.com", ".example.org"]);
/// site.check()?;
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone)]
pub struct Site(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    engine: Arc<Engine>,
    users: Arc<dyn UserStore>,
    passwords: PasswordHashers,
    backends: Vec<String>,
    allowed_hosts: Vec<String>,
    watch: Arc<Watch>,
}

impl Site {
    /// A site with its keys and stores, and Django's defaults for the rest.
    pub fn new(keys: SecretKeys, sessions: impl SessionStore, users: impl UserStore) -> Self {
        let engine = Engine {
            store: Arc::new(sessions),
            keys,
            cookie: SessionCookie::default(),
        };
        Self(Arc::new(Inner {
            engine: Arc::new(engine),
            users: Arc::new(users),
            passwords: PasswordHashers::default(),
            backends: vec![MODEL_BACKEND.to_owned()],
            allowed_hosts: Vec::new(),
            watch: Arc::default(),
        }))
    }

    /// A site in the memory of this process, with a key that nobody knows: for tests, and for
    /// programs whose users come with tokens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the operating system has no random bytes.
    pub fn in_memory() -> Result<Self> {
        let keys = SecretKeys::new(new_session_key()?);
        let sessions = InMemorySessionStore::default();
        Ok(Self::new(keys, sessions, InMemoryUserStore::default()))
    }

    /// The site that the environment describes; here none, since no database's feature is on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], always.
    #[cfg(not(any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
    pub fn from_env() -> Result<Self> {
        let what = "the application has no site: give it one by `ProtocolTypeRouter::site`, or turn \
                    the feature `sqlite`, `postgres` or `mysql` on";
        Err(Error::new(ErrorKind::Config, what))
    }

    /// How the session's cookie looks, instead of Django's defaults: the `SESSION_COOKIE_…`
    /// settings.
    #[must_use]
    pub fn session_cookie(self, cookie: SessionCookie) -> Self {
        self.with(|inner| {
            Arc::make_mut(&mut inner.engine).cookie = cookie;
        })
    }

    /// How passwords are hashed: the `PASSWORD_HASHERS` setting.
    #[must_use]
    pub fn password_hashers(self, passwords: PasswordHashers) -> Self {
        self.with(|inner| inner.passwords = passwords)
    }

    /// The backends whose logins count: the `AUTHENTICATION_BACKENDS` setting, dotted paths. The
    /// first is noted for who logs in here.
    #[must_use]
    pub fn backends<T: Into<String>>(self, backends: impl IntoIterator<Item = T>) -> Self {
        self.with(|inner| inner.backends = backends.into_iter().map(Into::into).collect())
    }

    /// The hosts from whose pages sockets may be opened: the `ALLOWED_HOSTS` setting. Without any,
    /// the page's host has to be the socket's own.
    #[must_use]
    pub fn allowed_hosts<T: Into<String>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.with(|inner| inner.allowed_hosts = hosts.into_iter().map(Into::into).collect())
    }

    /// Asks the database in this interval whether those behind open sockets are still logged in, and
    /// closes the sockets of those who are not (1008). Off by default.
    ///
    /// Logins that end here are noticed at once, on every server of the layer, or by such a question
    /// after the layer was cut off. This is for those that end elsewhere: on a Django site. All sockets
    /// of a server are looked up together, with one query for 500 sessions and one for 500 users. Who
    /// came by a token is closed as well, once the site's user is gone or not active; users that the
    /// verifier itself has made ([`Verified::user`](crate::Verified::user)) are its own to look after.
    #[must_use]
    pub fn recheck_every(self, interval: Duration) -> Self {
        self.with(|inner| inner.watch = Arc::new(Watch::new(Some(interval))))
    }

    /// Tells what contradicts itself in the settings. An application calls it when it starts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`].
    pub fn check(&self) -> Result {
        let Inner {
            engine, backends, ..
        } = &*self.0;
        engine.keys.check()?;
        engine.cookie.check()?;
        if backends.is_empty() {
            let what = "a site without authentication backends: nobody could be logged in";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub(crate) fn users(&self) -> &dyn UserStore {
        &*self.0.users
    }

    pub(crate) fn keys(&self) -> &SecretKeys {
        &self.0.engine.keys
    }

    pub(super) fn passwords(&self) -> &PasswordHashers {
        &self.0.passwords
    }

    pub(super) fn known_backends(&self) -> &[String] {
        &self.0.backends
    }

    pub(crate) fn hosts(&self) -> &[String] {
        &self.0.allowed_hosts
    }

    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.0.watch
    }

    pub(super) fn downgrade(&self) -> WeakSite {
        WeakSite(Arc::downgrade(&self.0))
    }

    /// Settings are given before the site is used; a clone keeps those that it had.
    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }
}

impl WeakSite {
    pub(super) fn upgrade(&self) -> Option<Site> {
        self.0.upgrade().map(Site)
    }
}

impl fmt::Debug for Site {
    /// Shows the stores, never the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("sessions", &self.0.engine.store)
            .field("users", &self.0.users)
            .finish_non_exhaustive()
    }
}
