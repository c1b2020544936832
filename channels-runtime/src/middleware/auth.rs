//! Who is behind each request and socket.

use super::session::failed;
use super::{Middleware, Next, Provides};
use crate::app::{Context, Response};
use crate::auth::{Identity, Renewal};
use crate::session::Session;
use crate::{Error, ErrorKind, Result};

/// Puts the [`Identity`] of whoever is logged in with the session into the scope.
///
/// Channels' `AuthMiddleware`; here the user is looked up when somebody asks. Where an outer one has
/// found already who is there, this one does nothing. It needs a [`SessionMiddleware`](crate::SessionMiddleware) around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthMiddleware;

impl Middleware for AuthMiddleware {
    fn provides(&self) -> Provides {
        Provides::Login
    }

    async fn call(&self, mut next: Next<'_>) -> Response {
        let found = next.scope().extensions().get::<Identity>();
        if found.is_some_and(|identity| !identity.is_nobody()) {
            return next.run().await;
        }
        match identity(&next) {
            Ok(identity) => {
                next.scope_mut().extensions_mut().insert(identity);
                next.run().await
            }
            Err(error) => failed(&error),
        }
    }

    fn check(&self, context: &Context) -> Result {
        context.surroundings.require_sessions("AuthMiddleware")?;
        let site = context.site()?;
        site.expect_users();
        site.check()
    }
}

fn identity(next: &Next<'_>) -> Result<Identity> {
    let Some(session) = next.scope().extensions().get::<Session>() else {
        let what = "`AuthMiddleware` needs a `SessionMiddleware` around it";
        return Err(Error::new(ErrorKind::Config, what));
    };
    let context = next.context();
    let site = context.site()?.clone();
    // A handshake may be answered before anybody asks who is there.
    let renewal = if next.is_websocket() {
        Renewal::Later
    } else {
        Renewal::Now
    };
    let layer = context.default_layer().cloned();
    Ok(Identity::of_session(site, session.clone(), renewal, layer))
}
