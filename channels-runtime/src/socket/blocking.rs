//! The connection as plain `fn` handlers see it.

use std::borrow::Cow;
use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use tokio::runtime::Handle;

use super::tasks::TaskHandle;
use super::websocket::WebSocket;
use crate::{ChannelName, CloseCode, Event, Message, Result};

/// A WebSocket, in the hands of its consumer's plain `fn` handlers, which may block.
///
/// What it has beside the methods here, it has by deref from [`WebSocket`].
#[derive(Debug)]
pub struct BlockingWebSocket(WebSocket);

impl BlockingWebSocket {
    pub(crate) fn new(socket: WebSocket) -> Self {
        Self(socket)
    }

    pub(crate) fn as_async(&mut self) -> &mut WebSocket {
        &mut self.0
    }

    /// Accepts the handshake.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::accept`].
    pub fn accept(&mut self) -> Result {
        wait(self.0.accept().into_future())
    }

    /// Accepts the handshake with one of the subprotocols that the client offered.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::accept`].
    pub fn accept_subprotocol(&mut self, name: &str) -> Result {
        wait(self.0.accept().subprotocol(name).into_future())
    }

    /// Refuses the handshake with an HTTP status.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::deny`].
    pub fn deny(&mut self, status: StatusCode) -> Result {
        wait(self.0.deny(status).into_future())
    }

    /// Sends a text or binary message; blocks while too much is queued.
    ///
    /// Of all handlers that wait so, as many may as the limits' `blocking_sends` says: if more do, the
    /// client that has kept its handler waiting for the longest time is disconnected with 1013.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`].
    pub fn send(&mut self, message: impl Into<Message>) -> Result {
        let sender = self.0.sender();
        self.0
            .threads()
            .wait_for(self.0.link(), sender.send(message))
    }

    /// Sends a value as JSON in a text message.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send_json`].
    pub fn send_json(&mut self, value: &(impl Serialize + ?Sized + Sync)) -> Result {
        let sender = self.0.sender();
        let sending = sender.send_json(value);
        self.0.threads().wait_for(self.0.link(), sending)
    }

    /// Closes the socket after what was sent.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close`].
    pub fn close(&mut self, code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Result {
        wait(self.0.close(code, reason))
    }

    /// Joins a group.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::group_add`].
    pub fn group_add(&mut self, group: &str) -> Result {
        wait(self.0.group_add(group))
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::group_discard`].
    pub fn group_discard(&mut self, group: &str) -> Result {
        wait(self.0.group_discard(group))
    }

    /// Sends an event to every member of a group.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::group_send`].
    pub fn group_send(&mut self, group: &str, event: impl Into<Event>) -> Result {
        wait(self.0.group_send(group, event))
    }

    /// Sends an event to every member of a group but this connection.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::group_send`].
    pub fn group_send_except_self(&mut self, group: &str, event: impl Into<Event>) -> Result {
        wait(self.0.group_send_except_self(group, event))
    }

    /// Sends an event to one channel of the layer.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::channel_send`].
    pub fn channel_send(&mut self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        wait(self.0.channel_send(channel, event))
    }

    /// Sends an event to this consumer once, after a while.
    pub fn after(&mut self, delay: Duration, event: impl Into<Event>) -> TaskHandle {
        self.0.after(delay, event)
    }

    /// Sends an event to this consumer again and again, the first after one period.
    pub fn every(&mut self, period: Duration, event: impl Into<Event>) -> TaskHandle {
        self.0.every(period, event)
    }
}

impl Deref for BlockingWebSocket {
    type Target = WebSocket;

    fn deref(&self) -> &WebSocket {
        &self.0
    }
}

/// Waits for a future on a thread that may block, as those of plain handlers may.
///
/// The connection's task, on its own thread, makes the room or the layer's answer for which the
/// future waits.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    Handle::current().block_on(future)
}
