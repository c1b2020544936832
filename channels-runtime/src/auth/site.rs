//! The site whose sessions and users these are.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::memory::InMemoryUserStore;
use super::passwords::PasswordHashers;
use super::user::UserStore;
use super::watch::Watch;
use crate::log::LogLimit;
use crate::session::{
    Cleanup, Engine, InMemorySessionStore, SecretKeys, SessionCookie, SessionStore, new_session_key,
};
use crate::{Error, ErrorKind, Result};

/// The backend that Django notes in the session of a user who logs in with a password.
pub(super) const MODEL_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

/// How long the check of the stores may delay the start.
const STORES_CHECK: Duration = Duration::from_secs(15);

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
    /// Whether an application looks users up.
    has_users: Arc<AtomicBool>,
    /// Lines about logins that do not count: a client causes one with each handshake.
    refused_logins: Arc<LogLimit>,
}

impl Site {
    /// A site with its keys and stores, and Django's defaults for the rest.
    pub fn new(keys: SecretKeys, sessions: impl SessionStore, users: impl UserStore) -> Self {
        let engine = Engine {
            store: Arc::new(sessions),
            keys,
            cookie: SessionCookie::default(),
            cleanup: Cleanup::default(),
            unreadable: Arc::default(),
            unreachable: Arc::default(),
        };
        Self(Arc::new(Inner {
            engine: Arc::new(engine),
            users: Arc::new(users),
            passwords: PasswordHashers::default(),
            backends: vec![MODEL_BACKEND.to_owned()],
            allowed_hosts: Vec::new(),
            watch: Arc::default(),
            has_users: Arc::default(),
            refused_logins: Arc::default(),
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
        self.with(|inner| {
            let grace = inner.watch.own_grace();
            inner.watch = Arc::new(Watch::new(Some(interval), grace));
        })
    }

    /// Sets how long a connection stays open while the stores cannot confirm its login. Defaults to ten
    /// times the interval of [`recheck_every`](Self::recheck_every), and at least five minutes.
    ///
    /// A store fails for a while when its database restarts: that closes nothing. A login that cannot be
    /// checked for longer may have ended long ago, so its connection is closed (1008), with a line in
    /// the log at the level `error`. It applies to the interval's checks and to those after a
    /// `layer.gap`.
    #[must_use]
    pub fn recheck_grace(self, grace: Duration) -> Self {
        self.with(|inner| {
            let interval = inner.watch.interval();
            inner.watch = Arc::new(Watch::new(interval, Some(grace)));
        })
    }

    /// Deletes expired sessions from the store, now and once per interval. Off by default: the table of a
    /// Django site is the site's to clear, by `manage.py clearsessions`.
    ///
    /// It is on, once an hour, for the database that [`from_env`](Self::from_env) makes without a
    /// `DATABASE_URL`. It begins when the first session is saved. Without it, the sessions that have
    /// expired stay in the table until [`clear_expired_sessions`](Self::clear_expired_sessions) is called.
    #[must_use]
    pub fn clear_expired_every(self, interval: Duration) -> Self {
        self.with(|inner| {
            Arc::make_mut(&mut inner.engine).cleanup = Cleanup::every(interval);
        })
    }

    /// Deletes the expired sessions from the store, and returns how many there were: Django's
    /// `manage.py clearsessions`. A session whose expiry cannot be read is not deleted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the session store is unavailable.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, some of the sessions may have been deleted.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(site: &channels_runtime::Site) -> channels_runtime::Result {
    /// println!("{} sessions had expired", site.clear_expired_sessions().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn clear_expired_sessions(&self) -> Result<u64> {
        self.engine().store.clear_expired().await
    }

    /// Checks what only the stores can tell: whether the users' table is one that this crate reads. An
    /// application with users calls it when it starts.
    ///
    /// A store that is unavailable is not an error here: it is logged, and asked again when the first user
    /// is looked up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the table of the users is missing, lacks a column of Django's
    /// `AbstractUser`, or has a primary key that is not an integer.
    pub async fn check_stores(&self) -> Result {
        let checked = tokio::time::timeout(STORES_CHECK, self.users().check()).await;
        let checked = checked
            .unwrap_or_else(|_| Err(Error::unavailable("the user store did not answer in time")));
        match checked {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                let source = error.source_text();
                tracing::warn!(%error, source, "user store unavailable at start-up, not checked");
                Ok(())
            }
            checked => checked,
        }
    }

    /// Notes that the application looks users up.
    pub(crate) fn expect_users(&self) {
        self.0.has_users.store(true, Ordering::Relaxed);
    }

    /// Checks the stores of a site whose application looks users up.
    ///
    /// # Errors
    ///
    /// As [`check_stores`](Self::check_stores).
    pub(crate) async fn start(&self) -> Result {
        if self.0.has_users.load(Ordering::Relaxed) {
            self.check_stores().await?;
        }
        Ok(())
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

    pub(super) fn refused_logins(&self) -> &LogLimit {
        &self.0.refused_logins
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
