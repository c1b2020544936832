//! A client of one WebSocket.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Accepted, Refused};
use super::application::{Server, lost};
use super::{SILENCE, in_time};
use crate::routing::ProtocolTypeRouter;
use crate::transport::{Client, Received};
use crate::{CloseFrame, Error, ErrorKind, FromMessage, Message, Result};

/// A key as a client sends it: any sixteen bytes.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A client of one WebSocket: Channels' `WebsocketCommunicator`.
///
/// What it waits for has to come within five seconds of the test's clock. It answers pings by
/// itself whenever it waits.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::ProtocolTypeRouter;
/// use channels_runtime::testing::WebsocketCommunicator;
///
/// # async fn test(app: ProtocolTypeRouter) -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = WebsocketCommunicator::new(&app, "/echo/");
/// socket.connect().await?;
/// socket.send("hello").await?;
/// assert_eq!(socket.receive::<String>().await?, "hello");
/// assert!(socket.receives_nothing().await);
/// socket.close(channels_runtime::CloseCode::NORMAL, "bye").await?;
/// # Ok(())
/// # }
/// ```
pub struct WebsocketCommunicator {
    server: Server,
    request: http::request::Builder,
    state: State,
    /// What came while the test watched that nothing comes.
    early: VecDeque<Received>,
}

enum State {
    New,
    Open(Box<Client>),
    Closed(Option<CloseFrame>),
}

impl WebsocketCommunicator {
    /// A client of an application in process.
    pub fn new(app: &ProtocolTypeRouter, path: &str) -> Self {
        Self::of(Server::InProcess(app.clone()), path)
    }

    /// A client of a server.
    pub fn at(address: SocketAddr, path: &str) -> Self {
        Self::of(Server::At(address), path)
    }

    fn of(server: Server, path: &str) -> Self {
        let request = Request::get(path)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, KEY);
        Self {
            server,
            request,
            state: State::New,
            early: VecDeque::new(),
        }
    }

    /// Adds a header to the handshake.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Adds a header whose value is bytes to the handshake.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Offers subprotocols, in order.
    #[must_use]
    pub fn subprotocols(self, names: &[&str]) -> Self {
        self.header("sec-websocket-protocol", &names.join(", "))
    }

    /// Opens the WebSocket.
    ///
    /// # Errors
    ///
    /// The refusal, as a client gets it.
    pub async fn connect(&mut self) -> Result<Accepted, Refused> {
        let request = std::mem::take(&mut self.request)
            .body(Bytes::new())
            .map_err(|error| {
                Error::caused(ErrorKind::Config, "the test's request is not valid", error)
            })?;
        let mut connection = self.server.connect().await?;
        let response = connection.send(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(denied(response).await?);
        }
        let headers = response.headers().clone();
        let subprotocol = headers
            .get(header::SEC_WEBSOCKET_PROTOCOL)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let upgrade = hyper::upgrade::on(response);
        let upgraded = in_time("the upgrade", upgrade).await?.map_err(lost)?;
        self.state = State::Open(Box::new(Client::new(upgraded).await));
        Ok(Accepted {
            subprotocol,
            headers,
        })
    }

    /// Sends a text or binary message.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if there is no open WebSocket.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result {
        let message = message.into();
        in_time("sending", self.client()?.send(message)).await?
    }

    /// Sends a value as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if there is no open WebSocket.
    pub async fn send_json(&mut self, value: &(impl Serialize + ?Sized)) -> Result {
        self.send(serde_json::to_string(value)?).await
    }

    /// Sends a ping.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if there is no open WebSocket.
    pub async fn ping(&mut self, payload: impl Into<Bytes>) -> Result {
        let payload = payload.into();
        in_time("sending", self.client()?.ping(payload)).await?
    }

    /// Waits for the pong to a ping; messages that come before it are kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the WebSocket ends, [`ErrorKind::Other`] if nothing comes in time.
    pub async fn receive_pong(&mut self) -> Result<Bytes> {
        loop {
            match self.next_from_wire().await? {
                Received::Pong(payload) => return Ok(payload),
                Received::Ping(_) => {}
                Received::Message(message) => self.early.push_back(Received::Message(message)),
                end => return Err(self.ended(end)),
            }
        }
    }

    /// Waits for a ping of the server; messages that come before it are kept.
    ///
    /// # Errors
    ///
    /// As [`receive_pong`](Self::receive_pong), but the wait has no end of its own.
    pub async fn receive_ping(&mut self) -> Result<Bytes> {
        loop {
            match self.client()?.receive().await {
                Received::Ping(payload) => return Ok(payload),
                Received::Pong(_) => {}
                Received::Message(message) => self.early.push_back(Received::Message(message)),
                end => return Err(self.ended(end)),
            }
        }
    }

    /// Waits for the next message: `receive::<String>()`, `::<Bytes>()` or `::<Message>()`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the WebSocket ends, with its code and reason,
    /// [`ErrorKind::Other`] if nothing comes in time, [`ErrorKind::UnsupportedData`] if the
    /// message is of another kind.
    pub async fn receive<T: FromMessage>(&mut self) -> Result<T> {
        loop {
            match self.next().await? {
                Received::Message(message) => return T::from_message(message),
                Received::Ping(_) | Received::Pong(_) => {}
                end => return Err(self.ended(end)),
            }
        }
    }

    /// Waits for the next message and reads it as JSON.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), and [`ErrorKind::Other`] if it is no such JSON.
    pub async fn receive_json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let text: String = self.receive().await?;
        serde_json::from_str(&text).map_err(|error| {
            Error::caused(
                ErrorKind::Other,
                format!("the message is no such JSON: {text}"),
                error,
            )
        })
    }

    /// Watches for a tenth of a second that no message comes. What comes is kept, and the
    /// application goes on as before.
    pub async fn receives_nothing(&mut self) -> bool {
        self.receives_nothing_for(SILENCE).await
    }

    /// The same for a time of the test's choice, as a client that is there and answers pings.
    pub async fn receives_nothing_for(&mut self, time: Duration) -> bool {
        if !self.early.is_empty() {
            return false;
        }
        let Ok(client) = self.client() else {
            return true;
        };
        let watched = tokio::time::timeout(time, async {
            loop {
                match client.receive().await {
                    Received::Ping(_) | Received::Pong(_) => {}
                    received => return received,
                }
            }
        });
        match watched.await {
            Ok(received) => {
                self.early.push_back(received);
                false
            }
            Err(_) => true,
        }
    }

    /// Waits until the server closes: the code and the reason, if its frame had any.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Other`] if a message comes instead, or nothing in time.
    pub async fn closed(&mut self) -> Result<Option<CloseFrame>> {
        if let State::Closed(frame) = &self.state {
            return Ok(frame.clone());
        }
        loop {
            match self.next().await? {
                Received::Message(message) => {
                    let what = format!("expected a close, got {message:?}");
                    return Err(Error::new(ErrorKind::Other, what));
                }
                Received::Ping(_) | Received::Pong(_) => {}
                end => {
                    let _error = self.ended(end);
                    if let State::Closed(frame) = &self.state {
                        return Ok(frame.clone());
                    }
                }
            }
        }
    }

    /// Closes the WebSocket and waits for the server's answer; messages on the way are dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if there is no open WebSocket.
    pub async fn close(
        &mut self,
        code: crate::CloseCode,
        reason: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result {
        let frame = CloseFrame::new(code, reason);
        self.client()?.close(Some(frame)).await?;
        loop {
            match self.next().await? {
                Received::Message(_) | Received::Ping(_) | Received::Pong(_) => {}
                end => {
                    let _error = self.ended(end);
                    return Ok(());
                }
            }
        }
    }

    /// Drops the connection without a word, as a client that loses its network does.
    pub fn vanish(&mut self) {
        self.state = State::Closed(None);
    }

    async fn next(&mut self) -> Result<Received> {
        match self.early.pop_front() {
            Some(received) => Ok(received),
            None => self.next_from_wire().await,
        }
    }

    async fn next_from_wire(&mut self) -> Result<Received> {
        let client = self.client()?;
        in_time("receiving", client.receive()).await
    }

    /// Remembers how the WebSocket ended, and says it.
    fn ended(&mut self, end: Received) -> Error {
        let frame = match end {
            Received::Close(frame) => frame,
            _ => None,
        };
        let how = frame
            .as_ref()
            .map_or_else(|| "without a code".to_owned(), CloseFrame::to_string);
        self.state = State::Closed(frame);
        Error::new(
            ErrorKind::Closed,
            format!("the server closed the WebSocket: {how}"),
        )
    }

    fn client(&mut self) -> Result<&mut Client> {
        match &mut self.state {
            State::Open(client) => Ok(client),
            State::New => Err(Error::new(
                ErrorKind::Closed,
                "the test has not connected yet",
            )),
            State::Closed(_) => Err(Error::new(ErrorKind::Closed, "the WebSocket is closed")),
        }
    }
}

async fn denied(response: Response<Incoming>) -> Result<Refused> {
    let (head, body) = response.into_parts();
    let body = in_time("the refusal's body", body.collect())
        .await?
        .map_err(lost)?;
    Ok(Refused::Denied(Response::from_parts(head, body.to_bytes())))
}

impl fmt::Debug for WebsocketCommunicator {
    /// Shows no header and no message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::New => "New",
            State::Open(_) => "Open",
            State::Closed(_) => "Closed",
        };
        f.debug_struct("WebsocketCommunicator")
            .field("server", &self.server)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
