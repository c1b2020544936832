//! One request to an application.

use bytes::Bytes;
use http::{Method, Request, Response};

use super::ApplicationCommunicator;
use crate::routing::ProtocolTypeRouter;
use crate::{Error, ErrorKind, Result};

/// A client that sends one request: Channels' `HttpCommunicator`.
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
#[derive(Debug)]
pub struct HttpCommunicator {
    app: ProtocolTypeRouter,
    request: http::request::Builder,
    body: Bytes,
}

impl HttpCommunicator {
    /// A request of any method.
    pub fn new(app: &ProtocolTypeRouter, method: Method, path: &str) -> Self {
        let request = Request::builder().method(method).uri(path);
        Self {
            app: app.clone(),
            request,
            body: Bytes::new(),
        }
    }

    /// A GET.
    pub fn get(app: &ProtocolTypeRouter, path: &str) -> Self {
        Self::new(app, Method::GET, path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the request is not valid, [`ErrorKind::Io`] if the connection is
    /// lost.
    pub async fn response(self) -> Result<Response<Bytes>> {
        let request = self.request.body(self.body).map_err(|error| {
            Error::caused(ErrorKind::Config, "the test's request is not valid", error)
        })?;
        ApplicationCommunicator::new(&self.app)
            .await?
            .request(request)
            .await
    }
}
