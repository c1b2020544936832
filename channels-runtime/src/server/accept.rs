//! Accepting connections, and ending them in order.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::handshake;
use super::http::serve_client;
use crate::app::Response;
use crate::log::LogLimit;
use crate::routing::{ProtocolTypeRouter, Responding};
use crate::scope::ConnectInfo;
use crate::transport::prepare;

/// How long to wait when the process has no file descriptor left.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// The HTTP connections of a server that no longer accepts. Each holds a receiver.
pub(super) struct Connections(watch::Sender<()>);

impl Connections {
    /// Lets requests that run come to their end, for so long.
    pub(super) async fn finish(self, timeout: Duration) {
        self.0.send_replace(());
        if tokio::time::timeout(timeout, self.0.closed())
            .await
            .is_err()
        {
            tracing::warn!("the shutdown did not wait for some requests");
        }
    }
}

/// Accepts connections until the shutdown.
pub(super) async fn accept_until(
    listeners: Vec<TcpListener>,
    app: &ProtocolTypeRouter,
    shutdown: impl Future<Output = ()>,
) -> Connections {
    static FAILED: LogLimit = LogLimit::new();
    let limits = app.context().limits();
    let permits = Arc::new(Semaphore::new(
        limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let connections = Connections(watch::Sender::new(()));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return connections,
            accepted = accept(&listeners, &permits) => accepted,
        };
        match accepted {
            Ok((stream, client, permit)) => {
                tokio::spawn(connection(
                    stream,
                    client,
                    permit,
                    app.clone(),
                    connections.0.subscribe(),
                ));
            }
            Err(error) => {
                if let Some(suppressed) = FAILED.permit() {
                    tracing::warn!(%error, suppressed, "cannot accept a connection");
                }
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Cancel safe: the permit is given back, and accepting is cancel safe itself.
async fn accept(
    listeners: &[TcpListener],
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, client) = poll_fn(|cx| poll_accept(listeners, cx)).await?;
    Ok((stream, client, permit))
}

/// Accepts from any listener. A busy one has no advantage: each call begins with another one.
fn poll_accept(
    listeners: &[TcpListener],
    cx: &mut Context<'_>,
) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
    thread_local! {
        static FIRST: Cell<usize> = const { Cell::new(0) };
    }
    let first = FIRST.get();
    FIRST.set(first.wrapping_add(1));
    for at in 0..listeners.len() {
        let listener = &listeners[first.wrapping_add(at) % listeners.len()];
        if let Poll::Ready(accepted) = listener.poll_accept(cx) {
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

/// One connection's HTTP, until its end or its upgrade.
fn connection(
    stream: TcpStream,
    client: SocketAddr,
    permit: OwnedSemaphorePermit,
    app: ProtocolTypeRouter,
    mut stop: watch::Receiver<()>,
) -> impl Future<Output = ()> + Send + 'static {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "cannot set the options of a connection");
    }
    let info = ConnectInfo {
        client: Some(client),
        server: stream.local_addr().ok(),
        _permit: Some(Arc::new(permit)),
        ..ConnectInfo::default()
    };
    async move {
        let begun = Instant::now();
        let Some(rest) = handshake::answer(stream, &app, &info, &mut stop).await else {
            return;
        };
        let limits = Arc::clone(&app.shared_context().limits);
        let refusal = Cell::new(rest.refusal);
        let is_half_closed = Arc::<AtomicBool>::default();
        let info = ConnectInfo {
            is_half_closed: Some(Arc::clone(&is_half_closed)),
            ..info
        };
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(refusal) = refusal.take() {
                return answered(refusal);
            }
            request.extensions_mut().insert(info.clone());
            app.respond(request)
        });
        // Boxed, so that the task of a handshake has no room for it.
        let served = serve_client(rest.stream, service, &limits, begun, stop, is_half_closed);
        Box::pin(served).await;
    }
}

/// An answer that is there already. The server gets it as it gets others, when it has read the
/// request and knows whether it has to stop.
fn answered(response: Response) -> Responding {
    Box::pin(async {
        tokio::task::yield_now().await;
        Ok(response)
    })
}
