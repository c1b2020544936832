//! What becomes of a session when a handler ends, and when the answer leaves.

use std::sync::atomic::Ordering;

use http::StatusCode;

use super::Session;
use crate::scope::SetCookie;
use crate::{Result, Scope};

/// Saves what a handler has changed in its connection's session, before the next one starts.
pub(crate) async fn save_changes(scope: &Scope) -> Result {
    if let Some(session) = scope.extensions().get::<Session>() {
        if session.is_modified() {
            Box::pin(session.save()).await?;
        }
        session.settle();
    }
    Ok(())
}

/// What the answer to a request has to say of its session.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Whether the answer depends on the session: `Vary: Cookie`.
    pub(crate) accessed: bool,
    pub(crate) cookie: Option<SetCookie>,
}

impl Session {
    /// Lets the next handler read afresh, if everything is saved: the site may have changed the session
    /// meanwhile, and saving writes all of it.
    fn settle(&self) {
        // Before the answer it is one request. If the lock is taken, the data is in use.
        if self.is_answered()
            && let Ok(mut state) = self.0.state.try_lock()
            && !self.is_modified()
        {
            state.forget();
        }
    }

    /// What the answer to the request has to say of the session, after saving it where that is due:
    /// Django's `SessionMiddleware.process_response`.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    pub(crate) async fn finish(&self, status: StatusCode) -> Result<Finished> {
        let mut state = self.state().await;
        self.0.answered.store(true, Ordering::Relaxed);
        let cookie = &self.0.engine.cookie;
        let accessed = state.is_loaded() || state.key.is_some();
        let mut finished = Finished {
            accessed,
            cookie: None,
        };
        if !accessed && !cookie.save_every_request {
            return Ok(finished);
        }
        if !state.is_loaded() {
            self.load(&mut state).await?;
        }
        if state.is_empty() {
            // Django also deletes a cookie whose key its store does not have. Here the key may be in a
            // store that only the site can read: a cache, or files.
            finished.cookie = match self.0.sent {
                Some(_) if state.flushed => Some(cookie.delete()?),
                _ => None,
            };
            return Ok(finished);
        }
        let is_due = self.is_modified() || cookie.save_every_request;
        let is_due = is_due && state.unreadable().is_none();
        if is_due && !status.is_server_error() {
            self.write(&mut state).await?;
        }
        // A handler that has changed the session may have saved it already.
        if std::mem::take(&mut state.saved) {
            finished.cookie = state
                .key
                .as_deref()
                .map(|key| self.0.engine.set_cookie(key, &state.data))
                .transpose()?;
        }
        if !self.is_modified() {
            state.forget();
        }
        Ok(finished)
    }
}
