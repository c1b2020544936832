//! Accepting connections, and ending them in order.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::handshake;
use super::http::serve_http;
use crate::app::Response;
use crate::log::LogLimit;
use crate::routing::{ProtocolTypeRouter, Responding};
use crate::scope::ConnectInfo;
use crate::transport::prepare;

/// How many connections the kernel keeps for us until we accept them. tokio's own 128 make the
/// clients of a reconnect storm repeat their SYN.
const BACKLOG: u32 = 16 * 1024;

/// How long to wait when the process has no file descriptor left.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Binds to the first address that can be bound.
pub(super) fn listen(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no such address");
    for address in addresses {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

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
    listener: TcpListener,
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
            accepted = accept(&listener, &permits) => accepted,
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
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    Ok((stream, client, permit))
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
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(refusal) = refusal.take() {
                return answered(refusal);
            }
            request.extensions_mut().insert(info.clone());
            app.respond(request)
        });
        // Boxed, so that the task of a handshake has no room for it.
        Box::pin(serve_http(rest.stream, service, &limits, begun, stop)).await;
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
