//! The middleware that go together.

use std::sync::OnceLock;

use super::csrf::is_unsafe;
use super::session::failed;
use super::{
    AllowedHostsOriginValidator, Around, AuthMiddleware, Middleware, Next, Provides,
    SameOriginValidator, SessionMiddleware,
};
use crate::Result;
use crate::app::{Context, Response};

/// Sessions around an application: [`SessionMiddleware`], behind a check of the handshake's origin.
///
/// Channels' `SessionMiddlewareStack`.
#[derive(Clone, Copy, Debug)]
pub struct SessionMiddlewareStack;

impl SessionMiddlewareStack {
    /// The application with sessions around it.
    #[expect(clippy::new_ret_no_self, reason = "Channels' name for it")]
    pub fn new<A>(app: A) -> Around<CookieOrigin, Around<SessionMiddleware, A>> {
        CookieOrigin::default().around(SessionMiddleware.around(app))
    }
}

/// Sessions and users around an application: [`SessionMiddleware`] and [`AuthMiddleware`], behind a
/// check of the handshake's origin.
///
/// Channels' `AuthMiddlewareStack`. The site is the application's
/// ([`ProtocolTypeRouter::site`](crate::ProtocolTypeRouter::site)) or the environment's
/// ([`Site::from_env`](crate::Site::from_env)).
///
/// # Examples
///
/// ```
/// use channels_runtime::{AuthMiddlewareStack, ProtocolTypeRouter, URLRouter};
///
/// let routes = <URLRouter>::new();
/// let app = ProtocolTypeRouter::new().websocket(AuthMiddlewareStack::new(routes));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AuthMiddlewareStack;

impl AuthMiddlewareStack {
    /// The application with sessions and users around it.
    #[expect(clippy::new_ret_no_self, reason = "Channels' name for it")]
    pub fn new<A>(
        app: A,
    ) -> Around<CookieOrigin, Around<SessionMiddleware, Around<AuthMiddleware, A>>> {
        SessionMiddlewareStack::new(AuthMiddleware.around(app))
    }
}

/// Refuses what comes from pages of other sites with 403: a browser sends its cookies with it, too.
///
/// It looks at handshakes, whoever answers them, and at requests that may change something. A page's
/// host has to be one of the site's [`allowed_hosts`](crate::Site::allowed_hosts); without any, it has
/// to be the host that was asked for. What has no `Origin` comes from no page of a browser's, and has
/// no cookies but its own: it goes on. [`CsrfMiddleware`](crate::CsrfMiddleware) protects forms as
/// Django does.
#[derive(Clone, Debug, Default)]
pub struct CookieOrigin {
    /// The site's hosts, once they are read; `None` where it has none.
    hosts: OnceLock<Option<AllowedHostsOriginValidator>>,
}

impl CookieOrigin {
    fn hosts(&self, context: &Context) -> Result<Option<&AllowedHostsOriginValidator>> {
        if let Some(hosts) = self.hosts.get() {
            return Ok(hosts.as_ref());
        }
        let hosts = match context.site()?.hosts() {
            [] => None,
            hosts => Some(AllowedHostsOriginValidator::new(hosts)?),
        };
        Ok(self.hosts.get_or_init(|| hosts).as_ref())
    }
}

impl Middleware for CookieOrigin {
    fn provides(&self) -> Provides {
        Provides::Nothing
    }

    async fn call(&self, next: Next<'_>) -> Response {
        let is_judged = next.asks_for_socket() || is_unsafe(next.scope().method());
        let has_origin = next.scope().headers().contains("origin");
        if !is_judged || !has_origin {
            return next.run().await;
        }
        match self.hosts(next.context()) {
            Ok(Some(hosts)) => hosts.call(next).await,
            Ok(None) => SameOriginValidator.call(next).await,
            Err(error) => failed(&error),
        }
    }

    fn check(&self, context: &Context) -> Result {
        context.site()?.check()?;
        self.hosts(context).map(|_| ())
    }
}
