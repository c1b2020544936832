//! A session, as handlers see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, MutexGuard};

use super::engine::Loaded;
use super::state::{State, Stored};
use super::{Engine, SessionData, SessionExpiry, is_plausible};
use crate::{Error, ErrorKind, Result, Scope};

/// A client's session: values under names, kept between its requests and its sockets.
///
/// Django's `request.session`, with the same rows and the same cookie. Nothing is loaded before it
/// is used, and nothing is written before it is changed. What a handler changes is saved when the
/// handler ends; what is changed before the answer, by a request or by `connect`, sets the cookie
/// where one is needed. Clones are the same session.
///
/// Once the request or handshake is answered, each handler that uses the session loads it anew: what
/// others have saved meanwhile is seen, and not undone. Only what is saved elsewhere while a handler runs
/// that changes the session is lost, as between two requests of Django's.
///
/// What a handler sends may reach the client before its changes are saved: a client that then comes
/// by another connection could miss them. [`save`](Self::save) first where that matters.
///
/// Values are JSON. What Django wrote and nobody touches here stays as Django wrote it.
///
/// # Errors
///
/// Every call that may have to ask the store fails with [`ErrorKind::Unavailable`] if that cannot
/// answer, and saving fails with [`ErrorKind::SessionEnded`] if the session was ended elsewhere
/// meanwhile: a logout is not undone.
///
/// A session that is stored but cannot be read fails with [`ErrorKind::Decode`], for reading and for
/// changing: a Django site with another `SESSION_SERIALIZER`, for example. Nothing is overwritten, its
/// cookie stays, and its client is anonymous. [`flush`](Self::flush) ends it, and a login begins a new
/// session under a new key. A session that none of the secret keys signed is never overwritten either:
/// it reads as empty, and a change begins a new session under a new key.
///
/// # Examples
///
/// ```no_run
/// # async fn connect(socket: &mut channels_runtime::WebSocket) -> channels_runtime::Result {
/// let session = socket.session()?;
/// let visits = session.get::<u32>("visits").await?.unwrap_or(0);
/// session.insert("visits", &(visits + 1)).await
/// # }
/// ```
#[derive(Clone)]
pub struct Session(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Arc<Engine>,
    /// What the client's cookie says, or the program.
    pub(super) sent: Option<Box<str>>,
    pub(super) state: Mutex<State>,
    /// Whether there is something to save. Changed under the lock, read without.
    modified: AtomicBool,
    /// Whether the answer has gone, which alone could bring the browser a new key.
    pub(super) answered: AtomicBool,
}

impl Session {
    /// The session that a request's cookie names.
    pub(crate) fn of_request(engine: Arc<Engine>, scope: &Scope) -> Self {
        let sent = scope.cookie(&engine.cookie.name).map(Into::into);
        Self::new(engine, sent)
    }

    /// The session that a key names, or a new one.
    pub(crate) fn new(engine: Arc<Engine>, sent: Option<Box<str>>) -> Self {
        Self(Arc::new(Inner {
            engine,
            sent,
            state: Mutex::default(),
            modified: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        }))
    }

    /// The session of a scope's client, as the middleware around it has put it there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is no such middleware.
    pub fn of(scope: &Scope) -> Result<&Self> {
        scope.extensions().get().ok_or_else(|| {
            let what = "there is no session: put a `SessionMiddlewareStack` around the consumer";
            Error::new(ErrorKind::Config, what)
        })
    }

    /// The value under a name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it is no `T`.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        // Decoded without the lock: it is user code.
        let value = self.loaded().await?.data.json_of(name);
        value
            .map(|value| SessionData::decode(name, &value))
            .transpose()
    }

    /// Whether there is a value under a name.
    ///
    /// # Errors
    ///
    /// As for every call, above.
    pub async fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.loaded().await?.data.contains(name))
    }

    /// The names, in the order in which they were first set.
    ///
    /// # Errors
    ///
    /// As for every call, above.
    pub async fn names(&self) -> Result<Vec<String>> {
        let state = self.loaded().await?;
        Ok(state.data.keys().map(Into::into).collect())
    }

    /// Sets the value under a name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the value does not serialize.
    pub async fn insert(&self, name: &str, value: &(impl Serialize + ?Sized + Sync)) -> Result {
        // Encoded without the lock: it is user code.
        let value = SessionData::encode(name, value)?;
        let mut state = self.loaded().await?;
        state.data.insert_json(name, &value)?;
        self.set_modified(true);
        Ok(())
    }

    /// Removes the value under a name, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// As for every call, above.
    pub async fn remove(&self, name: &str) -> Result<bool> {
        let mut state = self.loaded().await?;
        let removed = state.data.remove(name);
        if removed {
            self.set_modified(true);
        }
        Ok(removed)
    }

    /// Sets when the session is to end, from when it is saved: Django's `set_expiry`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] for a moment that is not in the years 1 to 9999.
    pub async fn set_expiry(&self, expiry: SessionExpiry) -> Result {
        let mut state = self.loaded().await?;
        expiry.note(&mut state.data)?;
        self.set_modified(true);
        Ok(())
    }

    /// The key under which the session is kept; `None` if it is not.
    ///
    /// Whoever knows it is the client: it belongs into no log and no page.
    ///
    /// # Errors
    ///
    /// As for every call, above.
    pub async fn key(&self) -> Result<Option<String>> {
        let mut state = self.state().await;
        if state.key.is_none() && !state.is_loaded() {
            self.load(&mut state).await?;
        }
        Ok(state.key.as_deref().map(Into::into))
    }

    /// Moves the session to a new key and ends the old one, so that nobody who knew that goes on:
    /// Django's `cycle_key`.
    ///
    /// # Errors
    ///
    /// As for every call, above.
    pub async fn cycle_key(&self) -> Result {
        let mut state = self.loaded().await?;
        self.set_modified(true);
        if state.key.is_none() {
            return Ok(());
        }
        let new = self.0.engine.create(&state.data).await?;
        let old = state.key.replace(new.into());
        match old {
            Some(old) => self.0.engine.store.delete(&old).await,
            None => Ok(()),
        }
    }

    /// Forgets everything, and ends the session in the store: Django's `flush`.
    ///
    /// # Errors
    ///
    /// As for every call, above; then nothing is forgotten.
    pub async fn flush(&self) -> Result {
        let mut state = self.state().await;
        if let Some(key) = self.key_to_end(&state) {
            self.0.engine.store.delete(key).await?;
        }
        *state = State {
            flushed: true,
            ..State::empty()
        };
        self.set_modified(true);
        Ok(())
    }

    /// Begins an empty session under a new key. The old one stays in the store, unchanged.
    pub(crate) async fn start_over(&self) {
        let mut state = self.state().await;
        *state = State::empty();
        self.set_modified(true);
    }

    /// Saves what was changed, now. The runtime does it by itself when a handler ends.
    ///
    /// # Errors
    ///
    /// As for every call, above; the changes are still there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the changes may or may not be saved, and are
    /// saved again.
    pub async fn save(&self) -> Result {
        let mut state = self.state().await;
        self.save_state(&mut state).await
    }

    /// Whether the client sent what can be a key. Asks no store.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent().is_some()
    }

    /// Whether a new key could not reach the browser any more.
    pub(crate) fn is_answered(&self) -> bool {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// Whether there is something to save.
    pub(super) fn is_modified(&self) -> bool {
        self.0.modified.load(Ordering::Relaxed)
    }

    fn set_modified(&self, modified: bool) {
        self.0.modified.store(modified, Ordering::Relaxed);
    }

    /// Saves what was changed, and lets whoever asks next read the session again from the store.
    pub(crate) async fn reload(&self) -> Result {
        let mut state = self.state().await;
        self.save_state(&mut state).await?;
        state.forget();
        Ok(())
    }

    /// Reads several values at once. `None` for a session that cannot be read.
    pub(crate) async fn read<T>(&self, read: impl FnOnce(&SessionData) -> T) -> Result<Option<T>> {
        let mut state = self.state().await;
        if !state.is_loaded() {
            self.load(&mut state).await?;
        }
        Ok(state.unreadable().is_none().then(|| read(&state.data)))
    }

    pub(super) async fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().await
    }

    async fn loaded(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state().await;
        if !state.is_loaded() {
            self.load(&mut state).await?;
        }
        match state.unreadable() {
            None => Ok(state),
            Some(reason) => {
                let what = format!("the session cannot be read: {reason}");
                Err(Error::new(ErrorKind::Decode, what))
            }
        }
    }

    /// A key that the store does not know is never adopted: saving makes a new one. One that it knew
    /// before stays, so that what has ended meanwhile is not saved.
    pub(super) async fn load(&self, state: &mut State) -> Result {
        let Some(key) = self.known_key(state) else {
            state.stored = Stored::Readable;
            return Ok(());
        };
        match self.0.engine.load(key).await? {
            Loaded::Missing => state.stored = Stored::Readable,
            Loaded::Unsigned => state.stored = Stored::Unsigned,
            Loaded::Found(data) => {
                state.key = Some(key.into());
                state.stored = Stored::Readable;
                state.data = data;
            }
            Loaded::Unreadable(reason) => {
                state.key = Some(key.into());
                state.stored = Stored::Unreadable(reason);
            }
        }
        Ok(())
    }

    /// The key under which the session is kept, as far as that is known.
    fn known_key<'a>(&'a self, state: &'a State) -> Option<&'a str> {
        let sent = if state.is_loaded() { None } else { self.sent() };
        state.key.as_deref().or(sent)
    }

    /// The key of the session that is to be ended: also of one that is not used.
    fn key_to_end<'a>(&'a self, state: &'a State) -> Option<&'a str> {
        let sent = if matches!(state.stored, Stored::Unsigned) {
            self.sent()
        } else {
            None
        };
        self.known_key(state).or(sent)
    }

    async fn save_state(&self, state: &mut State) -> Result {
        if self.is_modified() && !state.is_empty() && state.unreadable().is_none() {
            self.write(state).await?;
        }
        Ok(())
    }

    pub(super) async fn write(&self, state: &mut State) -> Result {
        let key = match &state.key {
            None => self.0.engine.create(&state.data).await?,
            Some(key) => {
                let saved = self.0.engine.save(key, &state.data).await?;
                saved.ok_or_else(|| {
                    Error::new(ErrorKind::SessionEnded, "the session was ended elsewhere")
                })?
            }
        };
        if self.is_answered()
            && state.key.as_deref() != Some(&*key)
            && let Some(suppressed) = self.0.engine.unreachable.permit()
        {
            tracing::warn!(
                suppressed,
                "session saved under a new key after the response: its browser keeps the old cookie"
            );
        }
        state.key = Some(key.into());
        state.saved = true;
        self.set_modified(false);
        Ok(())
    }

    /// What the client sent, if it can be a key.
    fn sent(&self) -> Option<&str> {
        self.0.sent.as_deref().filter(|sent| is_plausible(sent))
    }
}

impl fmt::Debug for Session {
    /// Shows nothing: the key is a secret, and the values may be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
