//! The application of one HTTP consumer: a new value for each request.

use std::any::type_name;
use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::sync::oneshot;

use super::blocking::BlockingHttpExchange;
use super::exchange::HttpExchange;
use super::link::Link;
use super::{request, task};
use crate::Result;
use crate::app::{Answering, Body, Context, HttpApp, HttpRequest, refusal};
use crate::consumer::{Consumer, ConsumerApp, Declaration, HeldOf, HttpKind};
use crate::log::log_limited;
use crate::socket::Attachment;

impl<C> HttpApp for ConsumerApp<C>
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(begin(self, request))
    }

    fn check(&self, context: &Context) -> Result {
        context.layers.get(C::OPTIONS.layer).map(|_| ())
    }
}

/// Reads the body, starts the exchange's task and waits for the answer.
async fn begin<C>(app: &ConsumerApp<C>, request: HttpRequest) -> Response<Body>
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    let (scope, body, context) = request.into_parts();
    let limits = &context.limits;
    if context.stats.memory().is_exhausted() {
        context.stats.memory().refuse("request");
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "out of memory\n");
    }
    if let Err(error) = scope.check_path() {
        return refusal(StatusCode::BAD_REQUEST, format!("{error}\n"));
    }
    let layer = match context.layers.get(C::OPTIONS.layer) {
        Ok(layer) => Arc::clone(layer),
        Err(error) => {
            log_limited!(error, %error, "a consumer's layer is missing");
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "");
        }
    };
    let body = match request::read(body, scope.headers(), &context).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let Some(registered) = context.exchanges.register() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the server shuts down\n");
    };
    let Some(consumer) = app.try_make(&scope, &context.stats) else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "");
    };
    let (answer, answered) = oneshot::channel();
    let is_guarded = scope.half_closed().is_some();
    let link = Link::new(
        C::TABLE,
        type_name::<C>,
        &C::OPTIONS,
        &context,
        answer,
        is_guarded,
    );
    #[cfg(feature = "auth")]
    crate::auth::Identity::watch_over(&scope, &link).await;
    let attachment = Attachment::new(layer, C::OPTIONS.groups);
    let exchange = HttpExchange::new(Arc::clone(&link), scope, attachment, limits.ping_interval);
    let held = HeldOf::<C> {
        consumer,
        connection: BlockingHttpExchange::new(exchange),
    };
    let waiting = Waiting(Some(Arc::clone(&link)));
    tokio::spawn(task::run(link, held, body, limits.grace, registered));
    waiting.answer(answered).await
}

/// A server that waits for the answer; dropped before it, the client is gone.
struct Waiting(Option<Arc<Link>>);

impl Waiting {
    async fn answer(mut self, answered: oneshot::Receiver<Response<Body>>) -> Response<Body> {
        match answered.await {
            Ok(response) => {
                // The response's body watches the client from here.
                self.0 = None;
                response
            }
            Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, ""),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.lost();
        }
    }
}
