//! The HTTP of one connection, by hyper.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::BoxError;
use crate::app::Body;
use crate::limits::Limits;
use crate::transport::{Guarded, Rewound};

/// HTTP on a stream of the test kit, whose client is gone once it closes its side.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn serve_http<I, S>(
    stream: I,
    service: S,
    limits: &Limits,
    begun: Instant,
    stop: watch::Receiver<()>,
) -> impl Future<Output = ()> + Send + 'static
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    serve(stream, service, limits, begun, stop, false)
}

/// HTTP on a client's stream. The client may close its side after a request, and has to read the
/// responses at the minimum rate ([`Guarded`]).
pub(super) fn serve_client<S>(
    stream: Rewound,
    service: S,
    limits: &Limits,
    begun: Instant,
    stop: watch::Receiver<()>,
    is_half_closed: Arc<AtomicBool>,
) -> impl Future<Output = ()> + Send + 'static
where
    S: HttpService<Incoming, ResBody = Body> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    let stream = Guarded::new(stream, limits, is_half_closed);
    serve(stream, service, limits, begun, stop, true)
}

/// HTTP on any stream, until its end, its upgrade, or the stop. The time of the first head runs since
/// the connection has `begun`.
fn serve<I, S>(
    stream: I,
    service: S,
    limits: &Limits,
    begun: Instant,
    mut stop: watch::Receiver<()>,
    half_close: bool,
) -> impl Future<Output = ()> + Send + 'static
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    let mut served = http1::Builder::new()
        .timer(Clock::new(begun))
        .half_close(half_close)
        .header_read_timeout(limits.handshake_timeout)
        .max_buf_size(limits.head_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let patience = limits.close_timeout;
    async move {
        // Before the stop is looked at: what has come already is read, for it is a request that runs.
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut served).poll(cx))).await;
        let early = match first {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => tokio::select! {
                // An answer that leaves now says that it is the last.
                biased;
                _ = stop.changed() => None,
                ended = &mut served => Some(ended),
            },
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

/// tokio's clock, but the first time that hyper asks, for the first head, it is when the connection
/// began.
#[derive(Debug)]
struct Clock {
    begun: Mutex<Option<Instant>>,
    tokio: TokioTimer,
}

impl Clock {
    fn new(begun: Instant) -> Self {
        Self {
            begun: Mutex::new(Some(begun)),
            tokio: TokioTimer::new(),
        }
    }
}

impl Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.tokio.sleep(duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        self.tokio.sleep_until(deadline)
    }

    fn now(&self) -> std::time::Instant {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take().unwrap_or_else(Instant::now).into_std()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: std::time::Instant) {
        self.tokio.reset(sleep, deadline);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use hyper::service::service_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    /// A connection that began nine seconds ago.
    async fn begun(begun: Instant) -> DuplexStream {
        tokio::time::advance(Duration::from_secs(9)).await;
        let (client, server) = tokio::io::duplex(1024);
        let service = service_fn(async |_: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        tokio::spawn(async move {
            let stop = watch::Sender::new(());
            serve_http(server, service, &Limits::default(), begun, stop.subscribe()).await;
        });
        client
    }

    /// Seconds until the server hangs up.
    async fn ends_after(client: &mut DuplexStream, since: Instant) -> u64 {
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("the end");
        since.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_the_first_head_runs_since_the_connection_began() {
        let start = Instant::now();
        let mut client = begun(start).await;
        client.write_all(b"GET / HT").await.expect("written");
        assert_eq!(ends_after(&mut client, start).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_head_has_all_its_time() {
        let start = Instant::now();
        let mut client = begun(start).await;
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(head).await.expect("written");
        client.read_u8().await.expect("an answer");
        client.write_all(b"GET / HT").await.expect("written");
        assert_eq!(ends_after(&mut client, start).await, 19);
    }
}
