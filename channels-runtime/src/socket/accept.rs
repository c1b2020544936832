//! The answers to a handshake.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::oneshot;

use super::websocket::WebSocket;
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
            headers: Headers::default(),
        }
    }

    /// Chooses one of the subprotocols that the client offered.
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocol = Some(name.into());
        self
    }

    /// Adds a header to the 101.
    pub fn header(mut self, name: &str, value: &str) -> Self {
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
            header::SEC_WEBSOCKET_PROTOCOL,
            header::SEC_WEBSOCKET_ACCEPT,
            header::SEC_WEBSOCKET_EXTENSIONS,
        ])?;
        let subprotocol = subprotocol.map(|name| offered(socket, name)).transpose()?;
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
        let offered = offered.join(", ");
        return Err(Error::new(
            ErrorKind::Handshake,
            format!("the subprotocol `{name}` was not offered; the client offers: [{offered}]"),
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
#[derive(Debug)]
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
            headers: Headers::default(),
            body: Bytes::new(),
        }
    }

    /// Adds a header to the response.
    pub fn header(mut self, name: &str, value: &str) -> Self {
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

impl IntoFuture for Deny<'_> {
    type Output = Result;
    type IntoFuture = std::future::Ready<Result>;

    fn into_future(self) -> Self::IntoFuture {
        std::future::ready(self.finish())
    }
}

/// Headers as they are added; the first mistake is told when they are used.
#[derive(Debug, Default)]
struct Headers {
    map: HeaderMap,
    mistake: Option<Error>,
}

impl Headers {
    fn add(&mut self, name: &str, value: &str) {
        let name_is = HeaderName::from_bytes(name.as_bytes());
        match (name_is, HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.map.append(name, value);
            }
            (Err(error), _) => self.refuse(name, error),
            (_, Err(error)) => self.refuse(name, error),
        }
    }

    fn refuse(&mut self, name: &str, error: impl Into<crate::BoxError>) {
        let message = format!("the header `{}` is not valid", name.escape_debug());
        self.mistake
            .get_or_insert_with(|| Error::caused(ErrorKind::Handshake, message, error));
    }

    fn finish(self, reserved: &[HeaderName]) -> Result<HeaderMap> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        match reserved.iter().find(|name| self.map.contains_key(*name)) {
            Some(name) => Err(Error::new(
                ErrorKind::Handshake,
                format!("the header `{name}` is the server's own"),
            )),
            None => Ok(self.map),
        }
    }
}
