//! Sending to a socket from outside of its handlers.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::link::Link;
use super::websocket::to_json;
use crate::consumer::DisconnectedBy;
use crate::{CloseCode, CloseFrame, Message, Result};

/// A handle that sends to one socket: for the connection's tasks.
///
/// It does not keep the connection alive.
#[derive(Clone)]
pub struct Sender {
    link: Arc<Link>,
}

impl Sender {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    /// Sends a text or binary message, after waiting for room where too much is queued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection is over; the message
    /// comes back by [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is not sent.
    pub async fn send(&self, message: impl Into<Message>) -> Result {
        self.link.send(message.into()).await?;
        self.link.wake_task();
        Ok(())
    }

    /// Sends a value as JSON in a text message.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) if the value does not serialize, else as
    /// [`send`](Self::send).
    pub async fn send_json(&self, value: &(impl Serialize + ?Sized + Sync)) -> Result {
        self.send(to_json(value)?).await
    }

    /// Closes the socket after what was sent. Closing again does nothing.
    pub fn close(&self, code: CloseCode, reason: impl Into<Cow<'static, str>>) {
        self.link
            .close(CloseFrame::new(code, reason), DisconnectedBy::Consumer);
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.link.is_open()
    }
}

impl fmt::Debug for Sender {
    /// Shows nothing of what is queued for the client.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
