//! What stands between a handshake and a consumer: routers and middleware are applications.

mod body;
mod context;
mod handshake;
mod headers;

use std::future::Future;
use std::pin::Pin;

use http::Response;

pub use self::body::Body;
pub use self::context::Context;
pub use self::handshake::Handshake;
pub(crate) use self::handshake::{refusal, switching_protocols};
pub(crate) use self::headers::Headers;

use crate::Result;

/// The answer to a handshake, later.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// An application that answers WebSocket handshakes: a consumer's, a router, a middleware.
///
/// A middleware changes the handshake's scope and hands it on, or answers it itself; what comes
/// back is the response that goes to the client, the 101 or a refusal.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Answering, Handshake, StatusCode, WebSocketApp};
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
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer WebSocket handshakes",
    label = "not a WebSocket application",
    note = "give `ChatConsumer::app()`, a `URLRouter`, or a type that implements `WebSocketApp`"
)]
pub trait WebSocketApp: Send + Sync + 'static {
    /// Answers a handshake.
    fn answer(&self, handshake: Handshake) -> Answering<'_>;

    /// Whether a handshake for this path would find a consumer.
    ///
    /// A plain request for such a path is answered with 426 instead of 404.
    fn has_route(&self, path: &str) -> bool {
        let _ = path;
        true
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
