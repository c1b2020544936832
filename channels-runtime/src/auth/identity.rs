//! Who is behind one connection.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use tokio::time::Instant;

use super::login::Renewal;
use super::revoked::Revoked;
use super::site::Site;
use super::token::{Verified, Who};
use super::user::User;
use super::watch::{Doubt, Entry, Revocable, Watched};
use crate::layer::ChannelLayer;
use crate::session::Session;
use crate::{Error, ErrorKind, Result, Scope};

/// Who is behind a connection: looked up on first use, once.
///
/// [`AuthMiddleware`](crate::AuthMiddleware) puts it into the scope's extensions. A consumer asks
/// `socket.user()`, a middleware asks [`Identity::of`] the scope, an axum handler takes
/// `Extension<Identity>`. Clones are the same.
///
/// Once it is known who is there, the connection is closed (1008) when that login ends: see
/// [`Revoked`]. A connection that never asks pays nothing, and is nobody's.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    site: Site,
    source: Source,
    layer: Option<Arc<dyn ChannelLayer>>,
    user: tokio::sync::Mutex<Option<Known>>,
    /// What is closed when the login ends, once there is such a thing.
    connection: OnceLock<Weak<dyn Revocable>>,
    watched: Mutex<Option<Watched>>,
}

/// The user that the stores returned.
struct Known {
    user: User,
    lookup: Lookup,
}

/// When the stores were asked.
#[derive(Clone, Copy)]
struct Lookup {
    since: Instant,
    /// Whether the revocations of other servers were received then.
    is_subscribed: bool,
}

/// What says who is there.
enum Source {
    Session(Session, Renewal),
    Token(Verified),
    Nothing,
}

impl Identity {
    /// Whoever is logged in with a session.
    pub(crate) fn of_session(
        site: Site,
        session: Session,
        renewal: Renewal,
        layer: Option<Arc<dyn ChannelLayer>>,
    ) -> Self {
        Self::new(site, Source::Session(session, renewal), layer)
    }

    /// Whoever has come with a token.
    pub(crate) fn of_token(
        site: Site,
        verified: Verified,
        layer: Option<Arc<dyn ChannelLayer>>,
    ) -> Self {
        Self::new(site, Source::Token(verified), layer)
    }

    /// Nobody in particular.
    pub(crate) fn nobody(site: Site) -> Self {
        Self::new(site, Source::Nothing, None)
    }

    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self.0.source, Source::Nothing)
    }

    fn new(site: Site, source: Source, layer: Option<Arc<dyn ChannelLayer>>) -> Self {
        Self(Arc::new(Inner {
            site,
            source,
            layer,
            user: tokio::sync::Mutex::default(),
            connection: OnceLock::new(),
            watched: Mutex::default(),
        }))
    }

    /// Who is behind a scope's connection, as the middleware around it found.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is no such middleware.
    pub fn of(scope: &Scope) -> Result<&Self> {
        scope.extensions().get().ok_or_else(|| {
            let what =
                "nothing says who the user is: put an `AuthMiddlewareStack` around the consumer";
            Error::new(ErrorKind::Config, what)
        })
    }

    /// The user, looked up on first use. [`User::anonymous`] for nobody.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if a store cannot be asked: nobody is taken for a stranger then.
    /// Returned from `connect` it is a 503.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the next call looks the user up.
    pub async fn user(&self) -> Result<User> {
        let mut known = self.0.user.lock().await;
        if let Some(Known { user, .. }) = &*known {
            return Ok(user.clone());
        }
        self.look_up(&mut known).await
    }

    /// Looks the user up again, in the store: what was saved under the session since is seen.
    ///
    /// # Errors
    ///
    /// As [`user`](Self::user).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the next call looks the user up.
    pub async fn refresh(&self) -> Result<User> {
        let mut known = self.0.user.lock().await;
        if let Source::Session(session, _) = &self.0.source {
            session.reload().await?;
        }
        *known = None;
        self.look_up(&mut known).await
    }

    /// Logs a user in with the session of the connection.
    ///
    /// Django's rules ([`Site::login`]). A session that moves to a new key needs a new cookie, which
    /// only an answer can bring: log in over HTTP, or in `connect` before the socket is accepted.
    /// Later, the connection is logged in, and the browser is not.
    ///
    /// # Errors
    ///
    /// As [`Site::login`]; [`ErrorKind::Config`] without a session. A layer that fails is not an error: the
    /// revocation of the session that the login has replaced is repeated for five minutes.
    pub async fn login(&self, user: &User) -> Result {
        let session = self.session()?;
        let mut known = self.0.user.lock().await;
        let before = session.key().await?;
        let lookup = self.begin_lookup(true).await;
        self.0.site.login(session, user).await?;
        session.save().await?;
        *known = Some(Known {
            user: user.clone(),
            lookup,
        });
        self.watch(user, lookup).await;
        let now = session.key().await?;
        if let Some(before) = before.filter(|before| Some(before) != now.as_ref()) {
            self.revoke(Revoked::session(&before)).await;
        }
        Ok(())
    }

    /// Ends the session, and closes its other sockets (1008), on every server. This connection goes
    /// on, as nobody's.
    ///
    /// # Errors
    ///
    /// As [`Site::logout`]; [`ErrorKind::Config`] without a session. A layer that fails is not an error: the
    /// session has ended, and a task repeats the revocation for five minutes.
    pub async fn logout(&self) -> Result {
        let session = self.session()?;
        let mut known = self.0.user.lock().await;
        let key = session.key().await?;
        self.0.site.logout(session).await?;
        *known = Some(Known {
            user: User::anonymous(),
            lookup: self.begin_lookup(false).await,
        });
        self.unwatch();
        if let Some(key) = key {
            self.revoke(Revoked::session(&key)).await;
        }
        Ok(())
    }

    /// Closes a scope's connection when its login ends.
    pub(crate) async fn watch_over<C: Revocable + 'static>(scope: &Scope, connection: &Arc<C>) {
        if let Ok(identity) = Self::of(scope) {
            let connection = Arc::downgrade(connection);
            identity.attach(connection).await;
        }
    }

    async fn attach(&self, connection: Weak<dyn Revocable>) {
        if self.0.connection.set(connection).is_ok()
            && let Some(Known { user, lookup }) = &*self.0.user.lock().await
        {
            self.watch(user, *lookup).await;
        }
    }

    fn session(&self) -> Result<&Session> {
        match &self.0.source {
            Source::Session(session, _) => Ok(session),
            Source::Token(_) | Source::Nothing => {
                let what = "the user did not come with a session: there is none to change";
                Err(Error::new(ErrorKind::Config, what))
            }
        }
    }

    async fn session_key(&self) -> Option<String> {
        match &self.0.source {
            Source::Session(session, _) => session.key().await.ok().flatten(),
            Source::Token(_) | Source::Nothing => None,
        }
    }

    async fn look_up(&self, known: &mut Option<Known>) -> Result<User> {
        let lookup = self.begin_lookup(self.may_be_somebody()).await;
        let site = &self.0.site;
        let user = match &self.0.source {
            Source::Session(session, renewal) => site.find_user(session, *renewal).await?,
            Source::Token(verified) => match &verified.who {
                Who::User(user) => user.clone(),
                Who::Id(id) => site.active_user(id).await?,
            },
            Source::Nothing => User::anonymous(),
        };
        *known = Some(Known {
            user: user.clone(),
            lookup,
        });
        self.watch(&user, lookup).await;
        Ok(user)
    }

    /// Subscribes to the layer before the stores are asked: a login that ends afterwards is noticed.
    async fn begin_lookup(&self, may_be_somebody: bool) -> Lookup {
        let watch = self.0.site.watch();
        let is_subscribed = match &self.0.layer {
            None => true,
            Some(layer) if may_be_somebody && self.0.connection.get().is_some() => {
                watch.subscribe(&self.0.site, layer).await
            }
            Some(layer) => watch.is_subscribed(layer),
        };
        Lookup {
            since: Instant::now(),
            is_subscribed,
        }
    }

    /// Whether a lookup may return a user. Without a key of a session it cannot.
    fn may_be_somebody(&self) -> bool {
        match &self.0.source {
            Source::Session(session, _) => session.is_sent(),
            Source::Token(_) => true,
            Source::Nothing => false,
        }
    }

    /// From now on the connection ends with the login.
    async fn watch(&self, user: &User, lookup: Lookup) {
        self.unwatch();
        let (Some(id), Some(connection)) = (user.id(), self.0.connection.get()) else {
            return;
        };
        let site = &self.0.site;
        let missed = self.0.layer.as_ref().filter(|_| !lookup.is_subscribed);
        if let Some(layer) = missed {
            site.watch().subscribe(site, layer).await;
        }
        let entry = Entry {
            user: id.into(),
            session: self.session_key().await.map(Into::into),
            is_of_site: !matches!(&self.0.source, Source::Token(verified) if verified.is_told()),
            until: match &self.0.source {
                Source::Token(verified) => verified.until,
                Source::Session(..) | Source::Nothing => None,
            },
            checked: lookup.since,
            doubt: Doubt::default(),
            connection: Weak::clone(connection),
        };
        let watched = site.watch().enter(site, entry, lookup.since);
        *self.watched() = Some(watched);
        if let Some(layer) = missed {
            site.watch().catch_up(layer);
        }
    }

    fn unwatch(&self) {
        self.watched().take();
    }

    /// Ends the connections of a login on every server. It has ended: the layer cannot undo that.
    async fn revoke(&self, revoked: Revoked) {
        let watch = self.0.site.watch();
        watch.revoke(&revoked);
        if let Some(layer) = &self.0.layer {
            watch.send(&self.0.site, layer, revoked).await;
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Option<Watched>> {
        self.0
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
