//! The connection as its handlers see it.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::accept::{Accept, Answer, Decision, Deny};
use super::attachment::Attachment;
use super::link::Link;
use super::sender::Sender;
use super::tasks::TaskHandle;
use crate::handler_threads::HandlerThreads;
use crate::layer::ChannelLayer;
use crate::{ChannelName, CloseCode, Error, ErrorKind, Event, Message, Result, Scope};

/// A WebSocket, in the hands of its consumer's `async fn` handlers.
///
/// What a handler sends is queued and written by the connection's own task, in order. Plain `fn`
/// handlers take a [`BlockingWebSocket`](crate::BlockingWebSocket) instead.
pub struct WebSocket {
    link: Arc<Link>,
    scope: Scope,
    attachment: Attachment,
    /// The event that is being handled: its encoding may be there already.
    event: Option<Event>,
    /// The handshake, until it is answered.
    answer: Option<Answer>,
}

impl WebSocket {
    pub(crate) fn new(
        link: Arc<Link>,
        scope: Scope,
        attachment: Attachment,
        answer: Answer,
    ) -> Self {
        Self {
            link,
            scope,
            attachment,
            event: None,
            answer: Some(answer),
        }
    }

    /// What is known of the connection.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A captured part of the path, as a value.
    ///
    /// # Errors
    ///
    /// As [`Scope::url_kwarg`]. What the path does not fit is a 404, if `connect` returns the error.
    pub fn url_kwarg<T: FromStr>(&self, name: &str) -> Result<T> {
        self.scope.url_kwarg(name)
    }

    /// The captured parts of the path, as the fields of a struct.
    ///
    /// # Errors
    ///
    /// As [`Scope::url_kwargs`].
    pub fn url_kwargs<T: DeserializeOwned>(&self) -> Result<T> {
        self.scope.url_kwargs()
    }

    /// Accepts the handshake: `socket.accept().await`, or with a subprotocol and headers.
    ///
    /// The consumer's groups are joined, then the client gets its 101. A `connect` that returns
    /// without an answer accepts too.
    ///
    /// # Errors
    ///
    /// The awaited result is [`ErrorKind::Handshake`] if the handshake was answered already, or
    /// the subprotocol was not offered; [`ErrorKind::Closed`] if the client is gone;
    /// [`ErrorKind::Layer`] if the groups cannot be joined.
    pub fn accept(&mut self) -> Accept<'_> {
        Accept::new(self)
    }

    /// Refuses the handshake with an HTTP status: `socket.deny(StatusCode::FORBIDDEN).await`, or
    /// with headers and a body.
    ///
    /// # Errors
    ///
    /// The awaited result is [`ErrorKind::Handshake`] if the handshake was answered already, or
    /// the status is not one of a refusal (300–599).
    pub fn deny(&mut self, status: StatusCode) -> Deny<'_> {
        Deny::new(self, status)
    }

    /// Sends a text or binary message, after waiting for room where too much is queued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the connection is over, [`ErrorKind::Handshake`] before it is
    /// accepted. The message comes back by [`Error::into_unsent`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is not sent.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result {
        self.link.send(message.into()).await
    }

    /// Sends a value as JSON in a text message.
    ///
    /// The event that is being handled, taken by reference, is encoded once for all its receivers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the value does not serialize, else as [`send`](Self::send).
    pub async fn send_json(&mut self, value: &(impl Serialize + ?Sized + Sync)) -> Result {
        match self.event.as_ref().and_then(|event| event.frame_of(value)) {
            Some(frame) => self.link.send(frame?).await.map_err(|error| {
                // The frame is the runtime's own: what comes back is the message, as ever.
                match to_json(value) {
                    Ok(text) => error.with_unsent(Message::from(text)),
                    Err(_) => error,
                }
            }),
            None => self.link.send(Message::from(to_json(value)?)).await,
        }
    }

    /// Closes the socket after what was sent, with a code and a reason that reach the client.
    ///
    /// Closing again, or closing what the peer closed, does nothing. Before the handshake is
    /// answered it is refused with 403, as in Channels.
    ///
    /// # Errors
    ///
    /// None that this call could see; it is fallible so that it ends a handler like its siblings.
    pub async fn close(
        &mut self,
        code: CloseCode,
        reason: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result {
        if self.is_answered() {
            self.sender().close(code, reason);
            Ok(())
        } else {
            self.deny(StatusCode::FORBIDDEN).await
        }
    }

    /// A handle that sends from elsewhere: a task of the connection, say.
    pub fn sender(&self) -> Sender {
        Sender::new(Arc::clone(&self.link))
    }

    /// The connection's address in its channel layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a consumer that handles no event: it has no channel.
    pub fn channel_name(&self) -> Result<&ChannelName> {
        self.attachment.channel_name()
    }

    /// The consumer's channel layer.
    pub fn layer(&self) -> &Arc<dyn ChannelLayer> {
        self.attachment.layer()
    }

    /// Joins a group. The membership ends when the connection ends or a close is requested, whoever
    /// requests it; `disconnect` may run later.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] for a name that is not allowed, [`ErrorKind::Config`] for a consumer
    /// without a channel, [`ErrorKind::Closed`] after a close was requested or the connection has ended,
    /// [`ErrorKind::Layer`] if the layer fails.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the connection may or may not be a member.
    pub async fn group_add(&mut self, group: &str) -> Result {
        if self.link.is_over() {
            return Err(Error::new(ErrorKind::Closed, "the connection is over"));
        }
        self.attachment.group_add(group).await
    }

    /// Leaves a group. Without a membership nothing happens.
    ///
    /// # Errors
    ///
    /// As [`group_add`](Self::group_add).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the connection may or may not be a member.
    pub async fn group_discard(&mut self, group: &str) -> Result {
        self.attachment.group_discard(group).await
    }

    /// Sends an event to every member of a group, this connection included if it is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] for a name that is not allowed, [`ErrorKind::Layer`] if the layer
    /// fails; the event comes back by [`Error::into_unsent`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn group_send(&mut self, group: &str, event: impl Into<Event>) -> Result {
        self.attachment.group_send(group, event.into()).await
    }

    /// Sends an event to every member of a group but this connection.
    ///
    /// # Errors
    ///
    /// As [`group_send`](Self::group_send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn group_send_except_self(&mut self, group: &str, event: impl Into<Event>) -> Result {
        let event = event.into();
        self.attachment.group_send_except_self(group, event).await
    }

    /// Sends an event to one channel of the layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChannelFull`] if it has no room, [`ErrorKind::Layer`] if the layer fails; the
    /// event comes back by [`Error::into_unsent`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn channel_send(&mut self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        self.attachment.channel_send(channel, event.into()).await
    }

    /// Runs a task beside the handlers that ends with the connection at the latest.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.attachment.spawn(task)
    }

    /// Sends an event to this consumer once, after a while.
    ///
    /// Like every event it goes through the mailbox; nothing comes once the connection is over.
    pub fn after(&mut self, delay: Duration, event: impl Into<Event>) -> TaskHandle {
        let link = Arc::clone(&self.link);
        self.attachment.after(link, delay, event.into())
    }

    /// Sends an event to this consumer again and again, the first after one period.
    ///
    /// Where a handler takes longer than a period, the ticks that it missed are skipped.
    pub fn every(&mut self, period: Duration, event: impl Into<Event>) -> TaskHandle {
        let link = Arc::clone(&self.link);
        self.attachment.every(link, period, event.into())
    }

    /// Remembers the event that is being handled.
    #[inline]
    pub(crate) fn handles(&mut self, event: Option<Event>) {
        self.event = event;
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_none()
    }

    /// Opens the channel, before anything could be sent to it.
    pub(crate) async fn open_channel(&mut self) -> Result {
        let link = Arc::clone(&self.link);
        self.attachment.open(link).await?;
        // With the link, which leaves the groups while a handler still has the attachment.
        self.link.hold(self.attachment.take_guard());
        Ok(())
    }

    pub(crate) async fn join_declared_groups(&mut self) -> Result {
        self.attachment.join_declared_groups().await
    }

    /// Answers the handshake, once.
    pub(crate) fn answer(&mut self, decision: Decision) -> Result {
        let accepted = matches!(decision, Decision::Accept { .. });
        let Some(answer) = self.answer.take() else {
            return Err(Error::new(
                ErrorKind::Handshake,
                "the handshake was answered already",
            ));
        };
        // Opened first, so that the client that has its 101 never meets a connection that is not.
        let given_up = || Error::new(ErrorKind::Closed, "the client gave the handshake up");
        if accepted && !self.link.open() {
            return Err(given_up());
        }
        answer.send(decision).map_err(|_| {
            self.link.end();
            given_up()
        })
    }

    /// Ends what ends with the connection: its tasks, its memberships, its channel.
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(crate) fn threads(&self) -> &Arc<HandlerThreads> {
        &self.link.threads
    }

    pub(crate) fn release(&mut self) {
        self.attachment.release();
        self.link.leave();
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("scope", &self.scope)
            .field("attachment", &self.attachment)
            .finish_non_exhaustive()
    }
}

pub(crate) fn to_json(value: &(impl Serialize + ?Sized)) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::caused(ErrorKind::Encode, "the value does not serialize", error))
}
