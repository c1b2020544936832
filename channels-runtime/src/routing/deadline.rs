//! Deadlines for what stands between a request and its consumer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Sleep, sleep};

use crate::app::{
    Answering, Handshake, HttpApp, HttpRequest, Progress, Response, Stage, WebSocketApp, refusal,
};
use crate::log::{Excerpt, LogLimit};

/// Answers a handshake within the limits' `handshake_timeout`, whoever takes the time.
///
/// Nothing of the application runs before the first poll: its panics are those of the future.
pub(super) async fn answer(app: &dyn WebSocketApp, handshake: Handshake) -> Response {
    let deadline = handshake.deadline();
    let path: Box<str> = handshake.scope().path().into();
    // The consumer has the same deadline, and is asked first: it knows better what was too slow.
    match tokio::time::timeout_at(deadline, app.answer(handshake)).await {
        Ok(response) => response,
        Err(_) => too_slow("a middleware did not answer a handshake in time", &path),
    }
}

/// Answers a request, for which each middleware has the limits' `handshake_timeout` before the request
/// goes on and after the response has come back.
pub(super) fn respond(
    app: &dyn HttpApp,
    request: HttpRequest,
) -> impl Future<Output = Response> + Send {
    Responding {
        progress: request.progress().clone(),
        timeout: request.context().limits().handshake_timeout,
        path: request.scope().path().into(),
        answering: app.answer(request),
        stage: Stage::default(),
        timer: None,
    }
}

struct Responding<'a> {
    answering: Answering<'a>,
    progress: Progress,
    timeout: Duration,
    path: Box<str>,
    /// The stage at the last poll.
    stage: Stage,
    /// Runs while one middleware has the request.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Future for Responding<'_> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        if let Poll::Ready(response) = self.answering.as_mut().poll(cx) {
            return Poll::Ready(response);
        }
        let stage = self.progress.stage();
        if stage != self.stage {
            self.stage = stage;
            self.timer = None;
        }
        if !stage.is_in_middleware() {
            return Poll::Pending;
        }
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(timer.as_mut().poll(cx));
        let what = "a middleware did not answer a request in time";
        Poll::Ready(too_slow(what, &self.path))
    }
}

fn too_slow(what: &'static str, path: &str) -> Response {
    static TOO_SLOW: LogLimit = LogLimit::new();
    if let Some(suppressed) = TOO_SLOW.permit() {
        let path = Excerpt(path.as_bytes());
        tracing::warn!(%path, suppressed, "{what}, responding with 503");
    }
    refusal(StatusCode::SERVICE_UNAVAILABLE, "")
}
