//! One HTTP/1.1 connection to an application.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service;

use super::in_time;
use crate::routing::ProtocolTypeRouter;
use crate::scope::ConnectInfo;
use crate::server::serve_http;
use crate::{Error, ErrorKind, Result};

/// How many bytes fit between the two ends of a connection in process.
const PIPE: usize = 64 * 1024;

/// A client of an application, request by request: the ground of the other communicators.
///
/// # Examples
///
/// ```
/// use channels_runtime::ProtocolTypeRouter;
/// use channels_runtime::testing::ApplicationCommunicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// let mut client = ApplicationCommunicator::new(&ProtocolTypeRouter::new()).await?;
/// let request = http::Request::get("/").body(bytes::Bytes::new()).expect("a request");
/// assert_eq!(client.request(request).await?.status(), 404);
/// # Ok(())
/// # }
/// ```
pub struct ApplicationCommunicator {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Ends the server's side in process when the communicator is gone.
    _stop: Option<watch::Sender<()>>,
}

impl ApplicationCommunicator {
    /// Connects to an application in process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the HTTP client does not start.
    pub async fn new(app: &ProtocolTypeRouter) -> Result<Self> {
        let (client, server) = tokio::io::duplex(PIPE);
        let app = app.clone();
        let limits = app.context().limits().clone();
        let localhost = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let info = ConnectInfo {
            client: localhost(50_000),
            server: localhost(8000),
            ..ConnectInfo::default()
        };
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(info.clone());
            app.clone().call(request)
        });
        let stop = watch::Sender::new(());
        let begun = Instant::now();
        tokio::spawn(serve_http(
            server,
            service,
            &limits,
            begun,
            stop.subscribe(),
        ));
        Self::over(client, Some(stop)).await
    }

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if there is none at the address.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        Self::over(TcpStream::connect(address).await?, None).await
    }

    async fn over<I>(stream: I, stop: Option<watch::Sender<()>>) -> Result<Self>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "the test's connection ended with an error");
            }
        });
        Ok(Self {
            sender,
            _stop: stop,
        })
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the connection is lost, [`ErrorKind::Other`] if nothing comes in time.
    pub async fn request(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let (head, body) = self.send(request).await?.into_parts();
        let body = in_time("the response's body", body.collect())
            .await?
            .map_err(lost)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Sends a request and reads the response's head.
    pub(super) async fn send(&mut self, request: Request<Bytes>) -> Result<Response<Incoming>> {
        in_time("the response", self.send_patiently(request)).await?
    }

    /// The same, however long it takes.
    pub(super) async fn send_patiently(
        &mut self,
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>> {
        let (mut head, body) = request.into_parts();
        head.headers
            .entry(http::header::HOST)
            .or_insert(http::HeaderValue::from_static("testserver"));
        let request = Request::from_parts(head, Full::new(body));
        self.sender.send_request(request).await.map_err(lost)
    }
}

/// What a communicator talks to.
#[derive(Clone)]
pub(super) enum Server {
    InProcess(ProtocolTypeRouter),
    At(SocketAddr),
}

impl Server {
    pub(super) async fn connect(&self) -> Result<ApplicationCommunicator> {
        match self {
            Self::InProcess(app) => ApplicationCommunicator::new(app).await,
            Self::At(address) => ApplicationCommunicator::connect(*address).await,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess(_) => f.write_str("InProcess"),
            Self::At(address) => write!(f, "At({address})"),
        }
    }
}

pub(super) fn lost(error: hyper::Error) -> Error {
    Error::caused(ErrorKind::Io, "the test's connection was lost", error)
}

impl fmt::Debug for ApplicationCommunicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationCommunicator")
            .finish_non_exhaustive()
    }
}
