//! The exchange as its handlers see it.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::link::Link;
use super::respond::{SendEventStream, SendHeaders, SendResponse};
use super::sender::HttpSender;
use super::sse::ServerSentEvent;
use crate::handler_threads::HandlerThreads;
use crate::layer::ChannelLayer;
use crate::socket::{Attachment, TaskHandle, to_json};
use crate::{ChannelName, Event, Message, Result, Scope};

/// One request and its response, in the hands of its consumer's `async fn` handlers.
///
/// HTTP's word for the two is an exchange: a connection may carry many, one after the other.
///
/// The response is sent at once, [`send_response`](Self::send_response), or in parts:
/// [`send_headers`](Self::send_headers), [`send_body`](Self::send_body) as often as needed,
/// [`end`](Self::end). Any handler may do it: `handle` may return without an answer, and the
/// handler of an event answers later. A consumer that handles no events has nothing to wait for:
/// when its `handle` has returned and its tasks have ended, a response that has begun is complete,
/// and one that has not is a 500.
///
/// The exchange is over when the response is complete, or its client is gone; then `disconnect`
/// runs, once. A handler that runs has the limits' grace period to end when its client is gone. One
/// that fails or panics is a 500 without detail, or, where the response has begun, breaks it off,
/// so that the client does not take it for complete.
///
/// Nothing else bounds the time until an answer. For a long poll, set a timer:
///
/// ```no_run
/// use std::time::Duration;
///
/// use channels_runtime::{Event, HttpExchange, Result, StatusCode};
///
/// async fn handle(http: &mut HttpExchange) -> Result {
///     http.after(Duration::from_secs(25), Event::new("poll.expired", serde_json::json!({}))?);
///     Ok(()) // the handler of a group's event answers, or that of `poll.expired`: 204, say
/// }
/// ```
///
/// Plain `fn` handlers take a [`BlockingHttpExchange`](crate::BlockingHttpExchange) instead.
pub struct HttpExchange {
    link: Arc<Link>,
    scope: Scope,
    attachment: Attachment,
    /// After how much silence a stream of events gets a comment.
    keep_alive: Duration,
}

impl HttpExchange {
    pub(super) fn new(
        link: Arc<Link>,
        scope: Scope,
        attachment: Attachment,
        keep_alive: Duration,
    ) -> Self {
        Self {
            link,
            scope,
            attachment,
            keep_alive,
        }
    }

    /// What is known of the request.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The request's method. All methods go to `handle`; the body of a response to a HEAD is not
    /// sent.
    pub fn method(&self) -> &Method {
        self.scope.method()
    }

    /// A captured part of the path, as a value.
    ///
    /// # Errors
    ///
    /// As [`Scope::url_kwarg`]. What the path does not fit is a 404, if `handle` returns the error.
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

    /// The id of the last event that the client has seen of this stream, if it comes back to it.
    pub fn last_event_id(&self) -> Option<&str> {
        self.scope.headers().get("last-event-id")
    }

    /// Answers with a whole response, text or bytes: `http.send_response(StatusCode::OK, "hi").await`,
    /// or with headers.
    ///
    /// Text is `text/plain` and bytes are `application/octet-stream`, unless a header says what
    /// they are.
    ///
    /// # Errors
    ///
    /// The awaited result is [`ErrorKind::Response`](crate::ErrorKind::Response) if the request was
    /// answered already, the status is informational (1xx) or a header is not valid;
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the client is gone.
    pub fn send_response(
        &mut self,
        status: StatusCode,
        body: impl Into<Message>,
    ) -> SendResponse<'_> {
        SendResponse::new(self, status, body.into())
    }

    /// Answers with a value as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) if the value does not serialize, else as
    /// [`send_response`](Self::send_response).
    pub async fn send_json(
        &mut self,
        status: StatusCode,
        value: &(impl Serialize + ?Sized + Sync),
    ) -> Result {
        let text = to_json(value)?;
        let response = self.send_response(status, text);
        response.header("content-type", "application/json").await
    }

    /// Begins a response whose body follows in parts: `http.send_headers(StatusCode::OK).await`, or
    /// with headers.
    ///
    /// A response that has no body, to a HEAD or with 204 or 304, is complete with it.
    ///
    /// # Errors
    ///
    /// As [`send_response`](Self::send_response).
    pub fn send_headers(&mut self, status: StatusCode) -> SendHeaders<'_> {
        SendHeaders::new(self, status)
    }

    /// Sends a part of the body, text or bytes, after waiting for room where too much is queued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the exchange is over,
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) before
    /// [`send_headers`](Self::send_headers). The part comes back, as [`Bytes`](crate::Bytes), by
    /// [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the part is not sent.
    pub async fn send_body(&mut self, part: impl Into<Message>) -> Result {
        self.sender().send_body(part).await
    }

    /// Begins a stream of server-sent events: `http.event_stream().await`, or with headers.
    ///
    /// Behind each silence of the limits' `ping_interval` the stream sends a comment by itself.
    ///
    /// # Errors
    ///
    /// As [`send_response`](Self::send_response).
    pub fn event_stream(&mut self) -> SendEventStream<'_> {
        SendEventStream::new(self)
    }

    /// Sends an event of a stream of events, after waiting for room where too much is queued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) if a name or an id has line breaks,
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the exchange is over,
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) before
    /// [`event_stream`](Self::event_stream).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event is not sent.
    pub async fn send_event(&mut self, event: impl Into<ServerSentEvent>) -> Result {
        self.sender().send_event(event).await
    }

    /// Completes the response, after what was sent. Ending it again does nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if the response has not begun.
    pub fn end(&mut self) -> Result {
        self.link.end()
    }

    /// A handle that writes from elsewhere: a task of the exchange, say.
    pub fn sender(&self) -> HttpSender {
        HttpSender::new(Arc::clone(&self.link))
    }

    /// The exchange's address in its channel layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a consumer that handles no event: it has
    /// no channel.
    pub fn channel_name(&self) -> Result<&ChannelName> {
        self.attachment.channel_name()
    }

    /// The consumer's channel layer.
    pub fn layer(&self) -> &Arc<dyn ChannelLayer> {
        self.attachment.layer()
    }

    /// Joins a group. The membership ends with the exchange at the latest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) for a name that is not allowed,
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a consumer without a channel,
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the exchange may or may not be a member.
    pub async fn group_add(&mut self, group: &str) -> Result {
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
    /// If the future is dropped before it completes, the exchange may or may not be a member.
    pub async fn group_discard(&mut self, group: &str) -> Result {
        self.attachment.group_discard(group).await
    }

    /// Sends an event to every member of a group, this exchange included if it is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) for a name that is not allowed,
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails; the event comes back by
    /// [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn group_send(&mut self, group: &str, event: impl Into<Event>) -> Result {
        self.attachment.group_send(group, event.into()).await
    }

    /// Sends an event to every member of a group but this exchange.
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
    /// [`ErrorKind::ChannelFull`](crate::ErrorKind::ChannelFull) if it has no room,
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails; the event comes back by
    /// [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event may or may not be sent.
    pub async fn channel_send(&mut self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        self.attachment.channel_send(channel, event.into()).await
    }

    /// Runs a task beside the handlers that ends with the exchange at the latest.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.attachment.spawn(task)
    }

    /// Sends an event to this consumer once, after a while: the deadline of a long poll, say.
    ///
    /// Like every event it goes through the mailbox; nothing comes once the exchange is over.
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

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(super) fn threads(&self) -> &Arc<HandlerThreads> {
        &self.link.threads
    }

    pub(super) fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    /// Opens the channel and joins the declared groups, before the first handler.
    pub(super) async fn open_channel(&mut self) -> Result {
        let link = Arc::clone(&self.link);
        self.attachment.open(link).await?;
        self.attachment.join_declared_groups().await
    }

    /// Waits until every task has ended by itself. Cancel safe.
    pub(super) async fn tasks_ended(&mut self) {
        self.attachment.tasks_ended().await;
    }

    /// Ends what ends with the exchange: its tasks, its memberships, its channel.
    pub(super) fn release(&mut self) {
        self.attachment.release();
    }
}

impl fmt::Debug for HttpExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpExchange")
            .field("scope", &self.scope)
            .field("attachment", &self.attachment)
            .finish_non_exhaustive()
    }
}
