//! Users who prove with a token who they are.

use std::future::Future;
use std::time::SystemTime;

use super::user::User;
use crate::{Result, Scope};

/// Tells whose token it is: the program's own check, or a `JwtVerifier`.
///
/// [`TokenAuthMiddleware`](crate::TokenAuthMiddleware) calls it, once for each handshake or request
/// that comes with a token.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Result, Scope, TokenVerifier, Verified};
///
/// struct ApiKeys;
///
/// impl TokenVerifier for ApiKeys {
///     async fn verify(&self, token: &str, _scope: &Scope) -> Result<Option<Verified>> {
///         // Asks a database, say.
///         Ok((token == "let me in").then(|| Verified::user_id("7")))
///     }
/// }
/// ```
pub trait TokenVerifier: Send + Sync + 'static {
    /// Whose token it is; `None` for one that does not count: that is a 401.
    ///
    /// # Errors
    ///
    /// [`Error::unavailable`](crate::Error::unavailable) if it cannot be told now: that is a 503.
    /// Any other error is a 500.
    fn verify(
        &self,
        token: &str,
        scope: &Scope,
    ) -> impl Future<Output = Result<Option<Verified>>> + Send;

    /// Tells what contradicts itself in its settings. An application calls it when it starts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    fn check(&self) -> Result {
        Ok(())
    }

    /// Whether the site's users are looked up for its tokens: then the application checks their table when
    /// it starts. Defaults to `false`.
    fn needs_users(&self) -> bool {
        false
    }
}

/// Whose token it is, and until when it counts.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) who: Who,
    pub(crate) until: Option<SystemTime>,
}

/// How a user is told.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    User(User),
    /// By the primary key: looked up in the site when somebody asks.
    Id(Box<str>),
}

impl Verified {
    /// It is this user's.
    pub fn user(user: User) -> Self {
        Self {
            who: Who::User(user),
            until: None,
        }
    }

    /// It is the one of the site's user with this primary key, who is looked up when the consumer
    /// asks. One who is not there or not active is nobody.
    pub fn user_id(id: impl Into<String>) -> Self {
        Self {
            who: Who::Id(id.into().into()),
            until: None,
        }
    }

    /// Whether it came with the user: the site may know of none.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.who, Who::User(_))
    }

    /// The token counts until then: the connection is closed (1008) within a second after it, once
    /// its consumer has asked who the user is.
    #[must_use]
    pub fn until(self, end: SystemTime) -> Self {
        Self {
            until: Some(end),
            ..self
        }
    }
}
