//! The HTTP of one connection, by hyper.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::BoxError;
use crate::app::Body;
use crate::limits::Limits;

/// HTTP on any stream, until its end, its upgrade, or the stop.
pub(crate) fn serve_http<I, S>(
    stream: I,
    service: S,
    limits: &Limits,
    mut stop: watch::Receiver<()>,
) -> impl Future<Output = ()> + Send + 'static
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout)
        .max_buf_size(limits.head_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let patience = limits.close_timeout;
    async move {
        let early = tokio::select! {
            ended = &mut served => Some(ended),
            _ = stop.changed() => None,
        };
        let ended = if let Some(ended) = early {
            ended
        } else {
            Pin::new(&mut served).graceful_shutdown();
            (&mut served).await
        };
        // The shutdown waits for requests, not for what comes behind them.
        drop(stop);
        if let Err(error) = &ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
        let is_answered = ended.map_or_else(|error| error.is_parse(), |()| true);
        if is_answered && let Some(mut parts) = served.into_parts() {
            drop(parts.read_buf);
            linger(parts.io.inner_mut(), patience).await;
        }
    }
}

/// Reads what a client still sends that has its last answer, until it ends as well: were the
/// connection closed at once, its reset would overtake the answer (RFC 9112 §9.6).
async fn linger(stream: &mut (impl AsyncRead + Unpin), patience: Duration) {
    let mut nowhere = tokio::io::sink();
    let reading = tokio::io::copy(stream, &mut nowhere);
    match tokio::time::timeout(patience, reading).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a client was gone before its answer"),
        Err(_) => tracing::debug!("a client went on sending behind its last answer"),
    }
}
