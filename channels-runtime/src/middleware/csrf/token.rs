//! The token of one request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::secret::{mask, new_secret, unmask};
use crate::{Error, ErrorKind, Result, Scope};

/// The token that a form has to send back, in its field `csrfmiddlewaretoken`: Django's `csrf_token`.
///
/// [`CsrfMiddleware`](crate::CsrfMiddleware) puts it into the scope's extensions. Asking for its value
/// sets the cookie that goes with it.
#[derive(Clone)]
pub struct CsrfToken(Arc<Mutex<State>>);

/// A secret that no cookie holds yet.
pub(crate) struct NewSecret(String);

struct State {
    secret: Option<String>,
    /// Whether the answer has to set the cookie.
    is_used: bool,
}

impl CsrfToken {
    /// The token of a scope's request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] without a [`CsrfMiddleware`](crate::CsrfMiddleware) around.
    pub fn of(scope: &Scope) -> Result<&Self> {
        scope.extensions().get().ok_or_else(|| {
            let what = "there is no CSRF token: put a `CsrfMiddleware` around the application";
            Error::new(ErrorKind::Config, what)
        })
    }

    /// What the form has to send: another text each time, for the same secret.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the operating system has no random bytes.
    pub fn value(&self) -> Result<String> {
        let mut state = self.state();
        state.is_used = true;
        let secret = match &state.secret {
            Some(secret) => secret,
            None => state.secret.insert(new_secret()?),
        };
        Ok(mask(secret, &new_secret()?))
    }

    /// Takes a new secret: after a login, so that nobody who knew the old one goes on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the operating system has no random bytes.
    pub fn rotate(&self) -> Result {
        self.replace(Self::prepare()?);
        Ok(())
    }

    /// A secret for [`replace`](Self::replace), which then cannot fail.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub(crate) fn prepare() -> Result<NewSecret> {
        new_secret().map(NewSecret)
    }

    pub(crate) fn replace(&self, NewSecret(secret): NewSecret) {
        let mut state = self.state();
        state.secret = Some(secret);
        state.is_used = true;
    }

    pub(super) fn of_cookie(cookie: Option<&str>) -> Self {
        let secret = cookie.and_then(|cookie| unmask(cookie).ok());
        Self(Arc::new(Mutex::new(State {
            secret,
            is_used: false,
        })))
    }

    /// The secret, if the answer has to set the cookie.
    pub(super) fn to_set(&self) -> Option<String> {
        let state = self.state();
        state.secret.clone().filter(|_| state.is_used)
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken")
    }
}
