//! The server: HTTP/1.1 by hyper, pages and sockets on one port.

mod accept;
mod handshake;
mod head;
mod http;
pub(crate) mod signals;

#[cfg(fuzzing)]
pub(crate) use self::head::read_for_fuzzing as read_head;
#[cfg(feature = "testing")]
pub(crate) use self::http::serve_http;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;

use tokio::net::{TcpListener, ToSocketAddrs};

use crate::routing::ProtocolTypeRouter;
use crate::{Error, ErrorKind, Result};

/// Serves an application until the process is told to stop, by Ctrl-C or SIGTERM.
///
/// Then nothing more is accepted, every socket is closed with 1012, and the call returns when
/// all have ended or the limits' time is up. The application's startup hooks run before the first
/// connection is accepted, its shutdown hooks after the last has ended.
///
/// A [`Worker`](crate::Worker) beside the server may end its jobs before the hooks run and the layers
/// are closed; if it was not told to stop, it is told by the server's end.
///
/// # Errors
///
/// [`ErrorKind::Io`] if the address cannot be bound, [`ErrorKind::Config`] if a setting is wrong;
/// what a startup hook fails with.
///
/// # Cancel safety
///
/// If the future is dropped, nothing more is accepted; open connections go on.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::{ProtocolTypeRouter, URLRouter, serve};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// serve("127.0.0.1:8000", ProtocolTypeRouter::new().websocket(URLRouter::new())).await
/// # }
/// ```
pub async fn serve(address: impl ToSocketAddrs + fmt::Debug, app: ProtocolTypeRouter) -> Result {
    Server::bind(address).await?.serve(app).await
}

/// A server that is bound to its address, before it serves.
///
/// # Examples
///
/// ```
/// use channels_runtime::{ProtocolTypeRouter, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// let server = Server::bind("127.0.0.1:0").await?; // any free port
/// println!("listening on {}", server.local_addr()?);
/// let stop = async { /* whatever ends the program */ };
/// server.shutdown_on(stop).serve(ProtocolTypeRouter::new()).await
/// # }
/// ```
pub struct Server {
    listener: TcpListener,
    shutdown: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Server {
    /// Binds to an address, with a backlog long enough for a storm of reconnecting clients.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if none of the addresses can be bound.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Debug) -> Result<Self> {
        let cannot = format!("cannot listen on {address:?}");
        let addresses = tokio::net::lookup_host(address).await;
        let listener = addresses
            .and_then(accept::listen)
            .map_err(|error| Error::caused(ErrorKind::Io, format!("{cannot}: {error}"), error))?;
        Ok(Self::from_listener(listener))
    }

    /// Serves on a listener that is there already.
    pub fn from_listener(listener: TcpListener) -> Self {
        Self {
            listener,
            shutdown: Box::pin(signals::stop()),
        }
    }

    /// What ends the server, instead of Ctrl-C and SIGTERM.
    #[must_use]
    pub fn shutdown_on(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Box::pin(stop);
        self
    }

    /// The address to which the server is bound.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the operating system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves an application until the shutdown, as [`serve`] does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a setting is wrong; what a startup hook fails with.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing more is accepted; open connections go on.
    pub async fn serve(self, app: ProtocolTypeRouter) -> Result {
        app.check()?;
        app.startup().await?;
        let connections = accept::accept_until(self.listener, &app, self.shutdown).await;
        // Sockets first: a client that has its close frame comes back at once, elsewhere.
        tokio::join!(
            app.end_connections(),
            connections.finish(app.context().limits().shutdown_timeout)
        );
        app.release().await;
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}
