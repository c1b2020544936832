//! The answers to a handshake.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use tokio::sync::oneshot;

use super::websocket::WebSocket;
use crate::app::Headers;
use crate::scope::DefaultSubprotocol;
use crate::{Error, ErrorKind, Result};

/// Where the answer goes: to the server that holds the request.
pub(crate) type Answer = oneshot::Sender<Decision>;

/// What becomes of a handshake.
#[derive(Debug)]
pub(crate) enum Decision {
    Accept {
        subprotocol: Option<HeaderValue>,
        headers: HeaderMap,
    },
    Deny {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    },
}

/// An acceptance in the making: await it.
///
/// ```no_run
/// # async fn connect(socket: &mut channels_runtime::WebSocket) -> channels_runtime::Result {
/// socket.accept().subprotocol("chat.v2").header("x-server", "blue").await
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is accepted until it is awaited"]
pub struct Accept<'a> {
    socket: &'a mut WebSocket,
    subprotocol: Option<String>,
    headers: Headers,
}

impl<'a> Accept<'a> {
    pub(super) fn new(socket: &'a mut WebSocket) -> Self {
        Self {
            socket,
            subprotocol: None,
            headers: Headers::new(ErrorKind::Handshake),
        }
    }

    /// Chooses one of the subprotocols that the client offered.
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocol = Some(name.into());
        self
    }

    /// Adds a header to the 101.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value.as_bytes());
        self
    }

    /// Adds a header whose value is bytes, for example text in ISO-8859-1, as ASGI does.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    async fn finish(self) -> Result {
        let Self {
            socket,
            subprotocol,
            headers,
        } = self;
        if socket.is_answered() {
            return Err(Error::new(
                ErrorKind::Handshake,
                "the handshake was answered already",
            ));
        }
        let headers = headers.finish(&[
            // RFC 9110 §8.6, RFC 9112 §6.1: a 101 has no body, so no length.
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            header::SEC_WEBSOCKET_PROTOCOL,
            header::SEC_WEBSOCKET_ACCEPT,
            header::SEC_WEBSOCKET_EXTENSIONS,
        ])?;
        let subprotocol = if let Some(name) = subprotocol {
            Some(offered(socket, name)?)
        } else {
            let default = socket.scope().extensions().get::<DefaultSubprotocol>();
            default.map(|name| HeaderValue::from_static(name.0))
        };
        socket.join_declared_groups().await?;
        socket.answer(Decision::Accept {
            subprotocol,
            headers,
        })
    }
}

fn offered(socket: &WebSocket, name: String) -> Result<HeaderValue> {
    let offered = socket.scope().subprotocols();
    if !offered.contains(&name.as_str()) {
        // The client chooses how many it offers, and one of them may be a token.
        let count = offered.len();
        return Err(Error::new(
            ErrorKind::Handshake,
            format!("the subprotocol `{name}` is not one of the {count} that the client offers"),
        ));
    }
    HeaderValue::try_from(name)
        .map_err(|error| Error::caused(ErrorKind::Handshake, "the subprotocol is no token", error))
}

impl<'a> IntoFuture for Accept<'a> {
    type Output = Result;
    type IntoFuture = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.finish())
    }
}

/// A refusal in the making: await it.
///
/// ```no_run
/// # use channels_runtime::StatusCode;
/// # async fn connect(socket: &mut channels_runtime::WebSocket) -> channels_runtime::Result {
/// socket.deny(StatusCode::TOO_MANY_REQUESTS).header("retry-after", "30").body("later").await
/// # }
/// ```
#[must_use = "nothing is refused until it is awaited"]
pub struct Deny<'a> {
    socket: &'a mut WebSocket,
    status: StatusCode,
    headers: Headers,
    body: Bytes,
}

impl<'a> Deny<'a> {
    pub(super) fn new(socket: &'a mut WebSocket, status: StatusCode) -> Self {
        Self {
            socket,
            status,
            headers: Headers::new(ErrorKind::Handshake),
            body: Bytes::new(),
        }
    }

    /// Adds a header to the response.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value.as_bytes());
        self
    }

    /// Adds a header whose value is bytes, for example text in ISO-8859-1, as ASGI does.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    /// The body of the response.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn finish(self) -> Result {
        let Self {
            socket,
            status,
            headers,
            body,
        } = self;
        if !(300..600).contains(&status.as_u16()) {
            return Err(Error::new(
                ErrorKind::Handshake,
                format!("a handshake cannot be refused with {status}: use 300 to 599"),
            ));
        }
        let headers = headers.finish(&[header::CONTENT_LENGTH, header::TRANSFER_ENCODING])?;
        socket.answer(Decision::Deny {
            status,
            headers,
            body,
        })
    }
}

impl fmt::Debug for Deny<'_> {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deny")
            .field("socket", &self.socket)
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Deny<'_> {
    type Output = Result;
    type IntoFuture = std::future::Ready<Result>;

    fn into_future(self) -> Self::IntoFuture {
        std::future::ready(self.finish())
    }
}
