//! The client's side of a WebSocket, for the test kit.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame as WsClose;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error as WsError};

use super::Text;
use crate::{CloseCode, CloseFrame, Error, ErrorKind, Message, Result};

/// A client of one WebSocket.
#[derive(Debug)]
pub(crate) struct Client(WebSocketStream<TokioIo<Upgraded>>);

/// What the server sent.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Message),
    Ping(Bytes),
    Pong(Bytes),
    Close(Option<CloseFrame>),
    /// The stream has ended, with or without a close frame before.
    End,
}

impl Client {
    pub(crate) async fn new(upgraded: Upgraded) -> Self {
        let io = TokioIo::new(upgraded);
        let config = WebSocketConfig::default().read_buffer_size(4096);
        Self(WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await)
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result {
        self.send_any(match message {
            Message::Text(text) => tungstenite::Message::text(text.as_str()),
            Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        })
        .await
    }

    pub(crate) async fn ping(&mut self, payload: Bytes) -> Result {
        self.send_any(tungstenite::Message::Ping(payload)).await
    }

    pub(crate) async fn close(&mut self, frame: Option<CloseFrame>) -> Result {
        let frame = frame.map(|frame| WsClose {
            code: u16::from(frame.code).into(),
            reason: frame.reason.as_ref().into(),
        });
        self.send_any(tungstenite::Message::Close(frame)).await
    }

    async fn send_any(&mut self, message: tungstenite::Message) -> Result {
        self.0.send(message).await.map_err(|error| {
            Error::caused(
                ErrorKind::Closed,
                "the server has closed the connection",
                error,
            )
        })
    }

    /// Waits for what comes next.
    ///
    /// Cancel safe: nothing is lost if the future is dropped.
    pub(crate) async fn receive(&mut self) -> Received {
        loop {
            return match self.0.next().await {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    Received::Message(Message::Text(Text::from_wire(text)))
                }
                Some(Ok(tungstenite::Message::Binary(bytes))) => {
                    Received::Message(Message::Binary(bytes))
                }
                Some(Ok(tungstenite::Message::Ping(payload))) => Received::Ping(payload),
                Some(Ok(tungstenite::Message::Pong(payload))) => Received::Pong(payload),
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    Received::Close(frame.map(|frame| CloseFrame {
                        code: CloseCode::received(frame.code.into()),
                        reason: frame.reason.as_str().to_owned().into(),
                    }))
                }
                Some(Ok(tungstenite::Message::Frame(_))) => continue,
                Some(Err(WsError::ConnectionClosed | WsError::AlreadyClosed)) | None => {
                    Received::End
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "the test's connection was lost");
                    Received::End
                }
            };
        }
    }
}
