//! The server: HTTP/1.1 by hyper, pages and sockets on one port.

mod accept;
mod handshake;
mod head;
mod http;
mod listen;
pub(crate) mod signals;

#[cfg(fuzzing)]
pub(crate) use self::head::read_for_fuzzing as read_head;
use std::fmt;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::net::{TcpListener, ToSocketAddrs};

#[cfg(feature = "testing")]
pub(crate) use self::http::serve_http;
use self::signals::StopSignals;
use crate::routing::ProtocolTypeRouter;
use crate::{Error, ErrorKind, Result};

/// Serves an application until the process is told to stop, by Ctrl-C or SIGTERM.
///
/// It binds every address that the name resolves to: `localhost:8000` is `127.0.0.1:8000` and
/// `[::1]:8000`.
///
/// Told to stop, it accepts nothing more, closes every socket with 1012, and returns when all have ended
/// or the limits' time is up. The application's startup hooks run before the first connection is
/// accepted, its shutdown hooks after the last has ended. What is still running then is logged; a plain
/// `fn` handler that hangs does not keep the process from ending once `main` returns.
///
/// A second signal ends the waiting for connections and jobs; the shutdown hooks run all the same. A third
/// signal exits the process at once, with the status 128 + number of the signal.
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
    /// At least one.
    listeners: Vec<TcpListener>,
    shutdown: Shutdown,
}

/// What ends a server.
enum Shutdown {
    Signals,
    Future(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Server {
    /// Binds every address that a name resolves to, with a backlog long enough for a storm of
    /// reconnecting clients. The addresses of a name have one port; port 0 is one free port for all.
    ///
    /// An address of a family that this machine does not have is left out, and logged.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the name does not resolve, or an address cannot be bound.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Debug) -> Result<Self> {
        let cannot = format!("cannot listen on {address:?}");
        let addresses = tokio::net::lookup_host(address).await;
        let listeners = addresses
            .and_then(|addresses| listen::listen(addresses.collect()))
            .map_err(|error| Error::caused(ErrorKind::Io, format!("{cannot}: {error}"), error))?;
        Ok(Self::on(listeners))
    }

    /// Serves on a listener that is there already.
    pub fn from_listener(listener: TcpListener) -> Self {
        Self::on(vec![listener])
    }

    fn on(listeners: Vec<TcpListener>) -> Self {
        Self {
            listeners,
            shutdown: Shutdown::Signals,
        }
    }

    /// Sets what ends the server, instead of Ctrl-C and SIGTERM. Signals are the program's then.
    #[must_use]
    pub fn shutdown_on(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Shutdown::Future(Box::pin(stop));
        self
    }

    /// The first address to which the server is bound.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the operating system does not report it.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.listeners[0].local_addr()?)
    }

    /// All addresses to which the server is bound: two for a name with an IPv4 and an IPv6 address.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the operating system does not report them.
    pub fn local_addrs(&self) -> Result<Vec<SocketAddr>> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        Ok(addresses.collect::<std::io::Result<_>>()?)
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
        match self.shutdown {
            Shutdown::Signals => {
                let signals = StopSignals::listen().await;
                run(self.listeners, &app, signals.first(), || signals.second()).await;
            }
            Shutdown::Future(stop) => run(self.listeners, &app, stop, pending).await,
        }
        Ok(())
    }
}

/// Accepts until the stop, then ends what is open, and what it uses. `no_time` ends when the shutdown is
/// to wait no longer.
async fn run<F: Future<Output = ()>>(
    listeners: Vec<TcpListener>,
    app: &ProtocolTypeRouter,
    stop: impl Future<Output = ()>,
    no_time: impl Fn() -> F,
) {
    let connections = accept::accept_until(listeners, app, stop).await;
    let timeout = app.context().limits().shutdown_timeout;
    // Sockets first: a client that has its close frame comes back at once, elsewhere.
    let ended = async { tokio::join!(app.end_connections(), connections.finish(timeout)) };
    tokio::select! {
        _ = ended => {}
        () = no_time() => app.log_connections(),
    }
    app.release(no_time()).await;
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
