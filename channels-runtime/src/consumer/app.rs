//! The application of one consumer: a new value for each handshake.

use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::sync::oneshot;

use super::{Consumer, Declaration, Held, WebSocketKind};
use crate::app::{Answering, Body, Context, Handshake, WebSocketApp, refusal, switching_protocols};
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
                tracing::error!(
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
        let (scope, key, upgrade, context) = handshake.into_parts();
        let limits = &context.limits;
        let layer = match context.layers.get(C::OPTIONS.layer) {
            Ok(layer) => Arc::clone(layer),
            Err(error) => {
                tracing::error!(%error, "a consumer's layer is missing");
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
        let wire = Wire::new(upgrade, Arc::clone(&link), Arc::clone(limits));
        let waiting = Waiting {
            link: Arc::clone(&link),
            answered: false,
        };
        tokio::spawn(connection(link, held, wire, limits.grace, registered));
        waiting
            .answer(decision, &key, limits.handshake_timeout)
            .await
    }
}

/// A server that waits for the decision; dropped before it, the handshake is given up.
struct Waiting {
    link: Arc<Link>,
    answered: bool,
}

impl Waiting {
    async fn answer(
        mut self,
        decision: oneshot::Receiver<Decision>,
        key: &http::HeaderValue,
        timeout: std::time::Duration,
    ) -> Response<Body> {
        let decided = tokio::time::timeout(timeout, decision).await;
        self.answered = decided.is_ok();
        match decided {
            Ok(Ok(Decision::Accept {
                subprotocol,
                headers,
            })) => switching_protocols(key, subprotocol, headers),
            Ok(Ok(Decision::Deny {
                status,
                headers,
                body,
            })) => {
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
            // `connect` failed; the log has the details.
            Ok(Err(_)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, ""),
            Err(_) => {
                tracing::warn!("`connect` did not answer in time");
                refusal(StatusCode::SERVICE_UNAVAILABLE, "")
            }
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
