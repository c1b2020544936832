//! What stands around applications: a look at the scope before, at the answer behind.

#[cfg(feature = "auth")]
mod auth;
#[cfg(feature = "auth")]
mod csrf;
mod origin;
mod provides;
#[cfg(feature = "auth")]
mod session;
#[cfg(feature = "auth")]
mod stack;
#[cfg(feature = "auth")]
mod surroundings;
#[cfg(feature = "auth")]
mod token;

use std::future::Future;

use http::StatusCode;

#[cfg(feature = "auth")]
pub use self::auth::AuthMiddleware;
#[cfg(feature = "auth")]
pub use self::csrf::{CsrfMiddleware, CsrfToken};
pub use self::origin::{AllowedHostsOriginValidator, OriginValidator, SameOriginValidator};
pub use self::provides::Provides;
#[cfg(feature = "auth")]
pub use self::session::SessionMiddleware;
#[cfg(feature = "auth")]
pub(crate) use self::session::failed;
#[cfg(feature = "auth")]
pub use self::stack::{AuthMiddlewareStack, CookieOrigin, SessionMiddlewareStack};
#[cfg(feature = "auth")]
pub(crate) use self::surroundings::Surroundings;
#[cfg(feature = "auth")]
pub use self::token::TokenAuthMiddleware;
use crate::app::{
    Answering, Context, Handshake, HttpApp, HttpRequest, Response, Routes, WebSocketApp, refusal,
};
use crate::{Result, Scope};

/// Something that is done around an application, for handshakes and plain requests alike.
///
/// It goes on with [`Next::run`], answers by itself ([`Next::deny`], or any response), and may change
/// the scope before and the response behind. Its value is shared by all connections; what belongs to
/// one goes into the scope's extensions.
///
/// Any tower layer can stand around the whole application as well; a middleware also stands between
/// two routers, and sees the scope.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Middleware, Next, Response, StatusCode, URLRouter};
///
/// struct OnlyFrom(&'static str);
///
/// impl Middleware for OnlyFrom {
///     async fn call(&self, next: Next<'_>) -> Response {
///         match next.scope().headers().get("origin") {
///             Some(origin) if origin == self.0 => next.run().await,
///             _ => next.deny(StatusCode::FORBIDDEN),
///         }
///     }
/// }
///
/// let app = OnlyFrom("https://example.com").around(<URLRouter>::new());
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Answers, by itself or by what comes next.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the client goes away before it has its answer.
    fn call(&self, next: Next<'_>) -> impl Future<Output = Response> + Send;

    /// Tells at start-up what could only fail later.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    fn check(&self, context: &Context) -> Result {
        let _ = context;
        Ok(())
    }

    /// What the application inside can rely on, for the check at start-up. Not public API.
    #[doc(hidden)]
    fn provides(&self) -> Provides {
        Provides::Unknown
    }

    /// The application with this around it.
    fn around<A>(self, app: A) -> Around<Self, A>
    where
        Self: Sized,
    {
        Around {
            middleware: self,
            app,
        }
    }
}

/// What a [`Middleware`] stands around, and the request that is on its way there.
#[derive(Debug)]
pub struct Next<'a>(Inner<'a>);

enum Inner<'a> {
    WebSocket(Handshake, &'a dyn WebSocketApp),
    Http(HttpRequest, &'a dyn HttpApp),
}

impl Next<'_> {
    /// What is known of the connection so far.
    pub fn scope(&self) -> &Scope {
        match &self.0 {
            Inner::WebSocket(handshake, _) => handshake.scope(),
            Inner::Http(request, _) => request.scope(),
        }
    }

    /// The same, to add to it.
    pub fn scope_mut(&mut self) -> &mut Scope {
        match &mut self.0 {
            Inner::WebSocket(handshake, _) => handshake.scope_mut(),
            Inner::Http(request, _) => request.scope_mut(),
        }
    }

    /// What all connections of the application share.
    pub fn context(&self) -> &Context {
        match &self.0 {
            Inner::WebSocket(handshake, _) => handshake.context(),
            Inner::Http(request, _) => request.context(),
        }
    }

    /// The request, if it is a plain one.
    #[cfg(feature = "auth")]
    pub(crate) fn http_mut(&mut self) -> Option<&mut HttpRequest> {
        match &mut self.0 {
            Inner::WebSocket(..) => None,
            Inner::Http(request, _) => Some(request),
        }
    }

    /// Whether it is a WebSocket's handshake.
    pub fn is_websocket(&self) -> bool {
        matches!(self.0, Inner::WebSocket(..))
    }

    /// Whether a socket may be opened by it: a handshake that no consumer has a route for travels as
    /// a plain request, to pages that may have sockets of their own.
    fn asks_for_socket(&self) -> bool {
        self.is_websocket() || Handshake::is_wanted_in(self.scope())
    }

    /// Goes on, to the answer: the 101, a response or a refusal.
    pub async fn run(self) -> Response {
        match self.0 {
            Inner::WebSocket(handshake, app) => app.answer(handshake).await,
            Inner::Http(request, app) => {
                let progress = request.progress().clone();
                progress.set_in_middleware(false);
                let response = app.answer(request).await;
                progress.set_in_middleware(true);
                response
            }
        }
    }

    /// Refuses, with a status of 200 to 599 and no body. Any other status is a mistake of the program: it is
    /// logged, and the response is a 500.
    pub fn deny(self, status: StatusCode) -> Response {
        refusal(status, "")
    }
}

impl std::fmt::Debug for Inner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WebSocket(handshake, _) => handshake.fmt(f),
            Self::Http(request, _) => request.fmt(f),
        }
    }
}

/// An application with a [`Middleware`] around it: an application for handshakes if it was one, for
/// plain requests if it was one.
#[derive(Clone, Debug)]
pub struct Around<M, A> {
    middleware: M,
    app: A,
}

impl<M: Middleware, A: WebSocketApp> WebSocketApp for Around<M, A> {
    fn answer(&self, handshake: Handshake) -> Answering<'_> {
        let next = Next(Inner::WebSocket(handshake, &self.app));
        Box::pin(self.middleware.call(next))
    }

    fn routes(&self) -> Option<Routes<'_>> {
        self.app.routes()
    }

    fn check(&self, context: &Context) -> Result {
        self.middleware.check(context)?;
        #[cfg(feature = "auth")]
        let context = &context.inside(self.middleware.provides());
        self.app.check(context)
    }
}

impl<M: Middleware, A: HttpApp> HttpApp for Around<M, A> {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        request.progress().set_in_middleware(true);
        let next = Next(Inner::Http(request, &self.app));
        Box::pin(self.middleware.call(next))
    }

    fn routes(&self) -> Option<Routes<'_>> {
        self.app.routes()
    }

    fn check(&self, context: &Context) -> Result {
        self.middleware.check(context)?;
        #[cfg(feature = "auth")]
        let context = &context.inside(self.middleware.provides());
        self.app.check(context)
    }
}
