//! What stands between a handshake and a consumer: routers and middleware are applications.

mod body;
mod context;
mod handshake;
mod headers;
mod hygiene;
mod progress;
mod request;
mod routes;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::Request;
use tower::{Service, ServiceExt};

pub use self::body::Body;
pub use self::context::Context;
pub use self::handshake::Handshake;
pub(crate) use self::handshake::{
    RETRY_AFTER, refusal, switching_protocols, upgrade_required, with_valid_status,
};
pub(crate) use self::headers::Headers;
pub(crate) use self::hygiene::clean;
pub(crate) use self::progress::{Progress, Stage};
pub use self::request::HttpRequest;
pub use self::routes::Routes;
pub(crate) use self::routes::{Line, Piece, Router, Step, Value};

use crate::log::{Excerpt, LogLimit};
use crate::{BoxError, Result};

/// The answer to a handshake or a plain request.
pub type Response = http::Response<Body>;

/// The same, later.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// An application that answers WebSocket handshakes: a consumer's, a router, a middleware.
///
/// A middleware changes the handshake's scope and hands it on, or answers it itself; what comes
/// back is the response that goes to the client, the 101 or a refusal.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Answering, Handshake, Routes, StatusCode, WebSocketApp};
///
/// struct OnlyFrom<A>(&'static str, A);
///
/// impl<A: WebSocketApp> WebSocketApp for OnlyFrom<A> {
///     fn answer(&self, handshake: Handshake) -> Answering<'_> {
///         match handshake.scope().headers().get("origin") {
///             Some(origin) if origin == self.0 => self.1.answer(handshake),
///             _ => handshake.deny(StatusCode::FORBIDDEN),
///         }
///     }
///
///     fn routes(&self) -> Option<Routes<'_>> {
///         self.1.routes()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer WebSocket handshakes",
    label = "not a WebSocket application",
    note = "give the `app()` of a WebSocket consumer, a `URLRouter` of such, or a type that implements `WebSocketApp`; `#[consumer(http)]` and services go to `.http(…)`"
)]
pub trait WebSocketApp: Send + Sync + 'static {
    /// Answers a handshake.
    fn answer(&self, handshake: Handshake) -> Answering<'_>;

    /// The routes, if this is a router or stands around one. Whatever wraps another application gives
    /// that one's: else a router takes it for the end of a path.
    fn routes(&self) -> Option<Routes<'_>> {
        None
    }

    /// Tells at start-up what could only fail later: a layer that is not configured, say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    fn check(&self, context: &Context) -> Result {
        let _ = context;
        Ok(())
    }
}

/// An application that answers plain requests: an HTTP consumer's, a router of such, any
/// [`tower::Service`], a middleware.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Answering, HttpApp, HttpRequest, Routes, StatusCode};
///
/// struct OnlyWithKey<A>(&'static str, A);
///
/// impl<A: HttpApp> HttpApp for OnlyWithKey<A> {
///     fn answer(&self, request: HttpRequest) -> Answering<'_> {
///         match request.scope().headers().get("x-key") {
///             Some(key) if key == self.0 => self.1.answer(request),
///             _ => request.deny(StatusCode::UNAUTHORIZED),
///         }
///     }
///
///     fn routes(&self) -> Option<Routes<'_>> {
///         self.1.routes()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer plain requests",
    label = "not an HTTP application",
    note = "give the `app()` of a `#[consumer(http)]`, a `URLRouter` of such, a tower service that can be cloned, or a type that implements `HttpApp`; WebSocket consumers go to `.websocket(…)`"
)]
pub trait HttpApp: Send + Sync + 'static {
    /// Answers a request.
    fn answer(&self, request: HttpRequest) -> Answering<'_>;

    /// The routes, if this is a router or stands around one. Whatever wraps another application gives
    /// that one's: else a router takes it for the end of a path.
    fn routes(&self) -> Option<Routes<'_>> {
        None
    }

    /// Tells at start-up what could only fail later: a layer that is not configured, say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    fn check(&self, context: &Context) -> Result {
        let _ = context;
        Ok(())
    }
}

/// Any tower service: an axum `Router`, say. One that fails is a 500.
impl<S, B> HttpApp for S
where
    S: Service<Request<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        let answered = self.clone().oneshot(request.into_request());
        Box::pin(async {
            match answered.await {
                Ok(response) => response.map(Body::new),
                Err(error) => {
                    log_failure(&*error.into());
                    refusal(http::StatusCode::INTERNAL_SERVER_ERROR, "")
                }
            }
        })
    }
}

/// A client can cause as many failures as it sends requests.
fn log_failure(error: &(dyn std::error::Error + Send + Sync)) {
    static FAILURES: LogLimit = LogLimit::new();
    if let Some(suppressed) = FAILURES.permit() {
        let error = error.to_string();
        let error = Excerpt(error.as_bytes());
        tracing::error!(%error, suppressed, "the http application failed, responding with 500");
    }
}
