//! Sessions and users, as an exchange's handlers see them.

use http::StatusCode;

use super::blocking::{BlockingHttpExchange, wait};
use super::exchange::HttpExchange;
use super::link::Link;
use crate::Result;
use crate::auth::{Identity, Revocable, User};
use crate::consumer::DisconnectedBy;
use crate::session::{BlockingSession, Session};

/// # Sessions and users
///
/// Of a request behind an [`AuthMiddlewareStack`](crate::AuthMiddlewareStack), or the parts of one.
impl HttpExchange {
    /// The session of the client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) without a
    /// [`SessionMiddleware`](crate::SessionMiddleware) around the consumer.
    pub fn session(&self) -> Result<&Session> {
        Session::of(self.scope())
    }

    /// The user behind the request, looked up on first use; [`User::anonymous`] for nobody.
    ///
    /// # Errors
    ///
    /// As [`Identity::of`] and [`Identity::user`]. Returned from `handle`, an
    /// [`Unavailable`](crate::ErrorKind::Unavailable) is a 503.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the next call looks the user up.
    pub async fn user(&self) -> Result<User> {
        Identity::of(self.scope())?.user().await
    }

    /// Looks the user up again.
    ///
    /// # Errors
    ///
    /// As [`user`](Self::user).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the next call looks the user up.
    pub async fn refresh_user(&self) -> Result<User> {
        Identity::of(self.scope())?.refresh().await
    }

    /// Logs a user in: before the answer begins, since it brings the cookie. Behind a
    /// [`CsrfMiddleware`](crate::CsrfMiddleware), [rotate](crate::CsrfToken::rotate) the token as well.
    ///
    /// # Errors
    ///
    /// As [`Identity::of`] and [`Identity::login`].
    pub async fn login(&self, user: &User) -> Result {
        Identity::of(self.scope())?.login(user).await
    }

    /// Ends the session, and closes its sockets.
    ///
    /// # Errors
    ///
    /// As [`Identity::of`] and [`Identity::logout`].
    pub async fn logout(&self) -> Result {
        Identity::of(self.scope())?.logout().await
    }
}

/// # Sessions and users
impl BlockingHttpExchange {
    /// The session of the client.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::session`].
    pub fn session(&self) -> Result<BlockingSession> {
        Session::of(self.scope()).map(BlockingSession::new)
    }

    /// The user behind the request.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::user`].
    pub fn user(&self) -> Result<User> {
        wait(HttpExchange::user(self))
    }

    /// Looks the user up again.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::refresh_user`].
    pub fn refresh_user(&self) -> Result<User> {
        wait(HttpExchange::refresh_user(self))
    }

    /// Logs a user in.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::login`].
    pub fn login(&self, user: &User) -> Result {
        wait(HttpExchange::login(self, user))
    }

    /// Ends the session, and closes its sockets.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::logout`].
    pub fn logout(&self) -> Result {
        wait(HttpExchange::logout(self))
    }
}

impl Revocable for Link {
    fn revoke(&self) {
        self.close(DisconnectedBy::Revoked, StatusCode::UNAUTHORIZED, "");
    }
}
