//! One request to an application.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};

use super::application::Server;
use super::{StreamingResponse, TIMEOUT, in_time_of};
use crate::routing::ProtocolTypeRouter;
use crate::{Error, ErrorKind, Result};

/// A client that sends one request: Channels' `HttpCommunicator`.
///
/// The head of the response has to come within five seconds of the test's clock, unless the test
/// says otherwise. What is dropped disconnects: the future of a response, or an open response.
///
/// # Examples
///
/// ```
/// use channels_runtime::ProtocolTypeRouter;
/// use channels_runtime::testing::HttpCommunicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// let app = ProtocolTypeRouter::new();
/// let response = HttpCommunicator::get(&app, "/missing/").response().await?;
/// assert_eq!(response.status(), 404);
/// # Ok(())
/// # }
/// ```
pub struct HttpCommunicator {
    server: Server,
    request: http::request::Builder,
    body: Bytes,
    timeout: Duration,
}

impl HttpCommunicator {
    /// A request of any method.
    pub fn new(app: &ProtocolTypeRouter, method: Method, path: &str) -> Self {
        Self::of(Server::InProcess(app.clone()), method, path)
    }

    /// A request of any method to a server.
    pub fn at(address: SocketAddr, method: Method, path: &str) -> Self {
        Self::of(Server::At(address), method, path)
    }

    fn of(server: Server, method: Method, path: &str) -> Self {
        Self {
            server,
            request: Request::builder().method(method).uri(path),
            body: Bytes::new(),
            timeout: TIMEOUT,
        }
    }

    /// A GET.
    pub fn get(app: &ProtocolTypeRouter, path: &str) -> Self {
        Self::new(app, Method::GET, path)
    }

    /// A POST.
    pub fn post(app: &ProtocolTypeRouter, path: &str) -> Self {
        Self::new(app, Method::POST, path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Adds a header whose value is bytes.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// How long the head of the response may take: for long polls.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the request is not valid, [`ErrorKind::Io`] if the connection is
    /// lost.
    pub async fn response(self) -> Result<Response<Bytes>> {
        self.open().await?.into_response().await
    }

    /// Sends the request and reads the response's head; its body can then be read as it comes.
    ///
    /// # Errors
    ///
    /// As [`response`](Self::response).
    pub async fn open(self) -> Result<StreamingResponse> {
        let request = self.request.body(self.body).map_err(|error| {
            Error::caused(ErrorKind::Config, "the test's request is not valid", error)
        })?;
        let mut connection = self.server.connect().await?;
        let response = connection.send_patiently(request);
        let response = in_time_of(self.timeout, "the response", response).await??;
        Ok(StreamingResponse::new(response, connection))
    }
}

impl fmt::Debug for HttpCommunicator {
    /// Shows no header and no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCommunicator")
            .field("server", &self.server)
            .field("method", &self.request.method_ref())
            .finish_non_exhaustive()
    }
}
