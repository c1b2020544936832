//! The application of one consumer: a new value for each handshake.

use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Consumer, Declaration, Held, WebSocketKind};
use crate::app::{Answering, Body, Context, Handshake, WebSocketApp, refusal, switching_protocols};
use crate::log::{LogLimit, log_limited};
use crate::socket::{Attachment, BlockingWebSocket, Decision, Link, WebSocket, Wire, connection};
use crate::stats::Stats;
use crate::supervise::log_safely;
use crate::{Result, Scope};

/// Makes a consumer for each connection and runs it.
///
/// Made by [`Consumer::app`] or [`Consumer::app_with`].
pub struct ConsumerApp<C> {
    make: Arc<dyn Fn(&Scope) -> C + Send + Sync>,
}

impl<C> ConsumerApp<C> {
    pub(super) fn new(make: impl Fn(&Scope) -> C + Send + Sync + 'static) -> Self {
        Self {
            make: Arc::new(make),
        }
    }
}

impl<C> ConsumerApp<C> {
    pub(crate) fn make(&self, scope: &Scope) -> C {
        (self.make)(scope)
    }

    /// Makes a consumer. `None` if its constructor panics, which is counted and logged.
    pub(crate) fn try_make(&self, scope: &Scope, stats: &Stats) -> Option<C> {
        let made = catch_unwind(AssertUnwindSafe(|| self.make(scope)));
        made.map_err(|panic| {
            stats.panicked();
            log_safely(panic, |panic| {
                let consumer = type_name::<C>();
                log_limited!(
                    error,
                    consumer,
                    panic,
                    "the constructor of a consumer panicked, responding with 500"
                );
            });
        })
        .ok()
    }
}

impl<C> Clone for ConsumerApp<C> {
    fn clone(&self) -> Self {
        Self {
            make: Arc::clone(&self.make),
        }
    }
}

impl<C> fmt::Debug for ConsumerApp<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsumerApp<{}>", type_name::<C>())
    }
}

impl<C> WebSocketApp for ConsumerApp<C>
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    fn answer(&self, handshake: Handshake) -> Answering<'_> {
        Box::pin(self.open(handshake))
    }

    fn check(&self, context: &Context) -> Result {
        context.layers.get(C::OPTIONS.layer).map(|_| ())
    }
}

impl<C> ConsumerApp<C>
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    /// Starts the connection's task and waits for what its `connect` decides.
    async fn open(&self, handshake: Handshake) -> Response<Body> {
        let deadline = handshake.deadline();
        let (scope, key, upgrade, context) = handshake.into_parts();
        let limits = &context.limits;
        if context.stats.memory().is_exhausted() {
            context.stats.memory().refuse("handshake");
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "out of memory\n");
        }
        let layer = match context.layers.get(C::OPTIONS.layer) {
            Ok(layer) => Arc::clone(layer),
            Err(error) => {
                log_limited!(error, %error, "a consumer's layer is missing");
                return refusal(StatusCode::INTERNAL_SERVER_ERROR, "");
            }
        };
        let link = Link::new(
            C::TABLE,
            type_name::<C>,
            &C::OPTIONS,
            limits,
            Arc::clone(&context.stats),
            context.registry.flusher(),
            Arc::clone(&context.threads),
        );
        let Some(registered) = context.registry.register(&link, limits) else {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "the server shuts down\n");
        };
        #[cfg(feature = "auth")]
        crate::auth::Identity::watch_over(&scope, &link).await;
        let Some(consumer) = self.try_make(&scope, &context.stats) else {
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "");
        };
        let (answer, decision) = oneshot::channel();
        let attachment = Attachment::new(layer, C::OPTIONS.groups);
        let socket = WebSocket::new(Arc::clone(&link), scope, attachment, answer);
        let held = Held {
            consumer,
            connection: BlockingWebSocket::new(socket),
        };
        let wire = Wire::new(
            upgrade,
            Arc::clone(&link),
            Arc::clone(limits),
            Arc::clone(&context.stats),
        );
        let waiting = Waiting {
            link: Arc::clone(&link),
            answered: false,
        };
        tokio::spawn(connection(link, held, wire, limits.grace, registered));
        let decided = waiting.decided(decision, deadline).await;
        respond::<C>(decided, &key, &context)
    }
}

/// A server that waits for the decision; dropped before it, the handshake is given up.
struct Waiting {
    link: Arc<Link>,
    answered: bool,
}

/// Why there is no decision.
enum Undecided {
    /// `connect` failed, which is logged, or the application shuts down.
    Ended,
    TimedOut,
}

impl Waiting {
    async fn decided(
        mut self,
        decision: oneshot::Receiver<Decision>,
        deadline: Instant,
    ) -> Result<Decision, Undecided> {
        let decided = tokio::time::timeout_at(deadline, decision).await;
        self.answered = decided.is_ok();
        match decided {
            Ok(decided) => decided.map_err(|_| Undecided::Ended),
            Err(_) => Err(Undecided::TimedOut),
        }
    }
}

/// The answer to a handshake.
fn respond<C>(
    decided: Result<Decision, Undecided>,
    key: &http::HeaderValue,
    context: &Context,
) -> Response<Body> {
    static TIMED_OUT: LogLimit = LogLimit::new();
    match decided {
        Ok(Decision::Accept {
            subprotocol,
            headers,
        }) => switching_protocols(key, subprotocol, headers),
        Ok(Decision::Deny {
            status,
            headers,
            body,
        }) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            response
        }
        Err(Undecided::Ended) if context.registry.is_closing() => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "the server shuts down\n")
        }
        Err(Undecided::Ended) => refusal(StatusCode::INTERNAL_SERVER_ERROR, ""),
        Err(Undecided::TimedOut) => {
            if let Some(suppressed) = TIMED_OUT.permit() {
                let consumer = type_name::<C>();
                tracing::warn!(
                    consumer,
                    suppressed,
                    "`connect` did not answer in time, responding with 503"
                );
            }
            refusal(StatusCode::SERVICE_UNAVAILABLE, "")
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            self.link.abandon();
        }
    }
}
