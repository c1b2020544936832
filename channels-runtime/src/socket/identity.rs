//! Sessions and users, as a socket's handlers see them.

use super::blocking::{BlockingWebSocket, wait};
use super::link::Link;
use super::websocket::WebSocket;
use crate::auth::{Identity, Revocable, User};
use crate::consumer::DisconnectedBy;
use crate::session::{BlockingSession, Session};
use crate::{CloseCode, CloseFrame, Result};

/// # Sessions and users
///
/// Of a socket behind an [`AuthMiddlewareStack`](crate::AuthMiddlewareStack), or the parts of one.
impl WebSocket {
    /// The session of the client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) without a
    /// [`SessionMiddleware`](crate::SessionMiddleware) around the consumer.
    pub fn session(&self) -> Result<&Session> {
        Session::of(self.scope())
    }

    /// The user behind the socket, looked up on first use; [`User::anonymous`] for nobody.
    ///
    /// # Errors
    ///
    /// As [`Identity::of`] and [`Identity::user`]. Returned from `connect`, an
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

    /// Logs a user in: before the socket is accepted, since the answer brings the cookie.
    ///
    /// # Errors
    ///
    /// As [`Identity::of`] and [`Identity::login`].
    pub async fn login(&self, user: &User) -> Result {
        Identity::of(self.scope())?.login(user).await
    }

    /// Ends the session, and closes its other sockets.
    ///
    /// # Errors
    ///
    /// As [`Identity::of`] and [`Identity::logout`].
    pub async fn logout(&self) -> Result {
        Identity::of(self.scope())?.logout().await
    }
}

/// # Sessions and users
impl BlockingWebSocket {
    /// The session of the client.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::session`].
    pub fn session(&self) -> Result<BlockingSession> {
        Session::of(self.scope()).map(BlockingSession::new)
    }

    /// The user behind the socket.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::user`].
    pub fn user(&self) -> Result<User> {
        wait(WebSocket::user(self))
    }

    /// Looks the user up again.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::refresh_user`].
    pub fn refresh_user(&self) -> Result<User> {
        wait(WebSocket::refresh_user(self))
    }

    /// Logs a user in.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::login`].
    pub fn login(&self, user: &User) -> Result {
        wait(WebSocket::login(self, user))
    }

    /// Ends the session, and closes its other sockets.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::logout`].
    pub fn logout(&self) -> Result {
        wait(WebSocket::logout(self))
    }
}

impl Revocable for Link {
    fn revoke(&self) {
        let frame = CloseFrame::new(CloseCode::POLICY_VIOLATION, "the login has ended");
        self.close(frame, DisconnectedBy::Revoked);
    }
}
