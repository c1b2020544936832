//! What is handed to a handler.

use std::borrow::Cow;

use crate::{Bytes, CloseCode, CloseFrame, Event, Message};

/// The payload of one call of a handler.
#[derive(Debug)]
pub struct Input(pub(crate) Payload);

#[derive(Debug)]
pub(crate) enum Payload {
    Connect,
    Message(Message),
    Request(Bytes),
    Disconnect(Disconnect),
    Event(Event),
}

impl Input {
    /// The input of `connect`: nothing.
    pub(crate) fn connect() -> Self {
        Self(Payload::Connect)
    }

    /// The input of `handle`: the request's body.
    pub(crate) fn request(body: Bytes) -> Self {
        Self(Payload::Request(body))
    }

    /// The event, if it is one.
    pub(crate) fn event(&self) -> Option<&Event> {
        match &self.0 {
            Payload::Event(event) => Some(event),
            _ => None,
        }
    }

    /// The same for a handler: see [`Event::for_handler`].
    pub(crate) fn for_handler(self) -> Self {
        match self.0 {
            Payload::Event(event) => event.for_handler().into(),
            other => Self(other),
        }
    }
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self(Payload::Message(message))
    }
}

impl From<Disconnect> for Input {
    fn from(disconnect: Disconnect) -> Self {
        Self(Payload::Disconnect(disconnect))
    }
}

impl From<Event> for Input {
    fn from(event: Event) -> Self {
        Self(Payload::Event(event))
    }
}

/// How an accepted connection, or a request's exchange, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnect {
    /// The close code: the peer's if it closed, ours if we did, 1005 for a close frame without a
    /// code, 1006 for a connection that was lost. HTTP has no codes of its own: there it is 1000 for
    /// a response that is complete.
    pub code: CloseCode,
    /// The reason that came with the code.
    pub reason: Cow<'static, str>,
    /// Who ended it.
    pub by: DisconnectedBy,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectedBy {
    /// The peer sent a close frame.
    Peer,
    /// The consumer closed the socket or completed the response, or returned
    /// [`Stop`](crate::Stop).
    Consumer,
    /// A handler failed or panicked.
    Failure,
    /// The connection broke a limit or the protocol.
    Limit,
    /// The login behind the connection has ended, or a token's time.
    Revoked,
    /// The server shuts down.
    Shutdown,
    /// The connection was lost without a close frame, or before the response was complete.
    Lost,
}

impl Disconnect {
    pub(crate) fn new(frame: CloseFrame, by: DisconnectedBy) -> Self {
        Self {
            code: frame.code,
            reason: frame.reason,
            by,
        }
    }

    pub(crate) fn lost() -> Self {
        Self::new(
            CloseFrame::new(CloseCode::ABNORMAL, ""),
            DisconnectedBy::Lost,
        )
    }
}

/// What a `disconnect` handler can take: [`Disconnect`], its [`DisconnectedBy`] or its
/// [`CloseCode`].
#[diagnostic::on_unimplemented(
    message = "`disconnect` cannot take `{Self}`",
    label = "not what a connection ends with",
    note = "take `Disconnect`, or `CloseCode` or `DisconnectedBy` alone"
)]
pub trait FromDisconnect: Sized {
    /// Makes the parameter.
    fn from_disconnect(disconnect: Disconnect) -> Self;
}

impl FromDisconnect for Disconnect {
    fn from_disconnect(disconnect: Disconnect) -> Self {
        disconnect
    }
}

impl FromDisconnect for CloseCode {
    fn from_disconnect(disconnect: Disconnect) -> Self {
        disconnect.code
    }
}

impl FromDisconnect for DisconnectedBy {
    fn from_disconnect(disconnect: Disconnect) -> Self {
        disconnect.by
    }
}
