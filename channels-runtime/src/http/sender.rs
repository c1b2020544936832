//! Writing to a response from outside of its handlers.

use std::fmt;
use std::sync::Arc;

use super::link::{Content, Link};
use super::sse::ServerSentEvent;
use crate::{Message, Result};

/// A handle that writes to one response that has begun: for the exchange's tasks.
///
/// It does not keep the exchange alive.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use channels_runtime::{HttpExchange, Result};
///
/// async fn count(http: &mut HttpExchange) -> Result {
///     http.event_stream().await?;
///     let sender = http.sender();
///     http.spawn(async move {
///         for number in 1..=3 {
///             tokio::time::sleep(Duration::from_secs(1)).await;
///             if sender.send_event(number.to_string()).await.is_err() {
///                 return; // the client is gone
///             }
///         }
///         let _ = sender.end();
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct HttpSender {
    link: Arc<Link>,
}

impl HttpSender {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    /// Sends a part of the body, text or bytes, after waiting for room where too much is queued.
    ///
    /// A client that reads nothing for as long as a silent socket has counts as gone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the exchange is over,
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) before
    /// [`send_headers`](crate::HttpExchange::send_headers). The part comes back, as
    /// [`Bytes`](crate::Bytes), by [`Error::into_unsent`](crate::Error::into_unsent).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the part is not sent.
    pub async fn send_body(&self, part: impl Into<Message>) -> Result {
        let part = part.into().into_bytes();
        self.link.send(Content::Body, part).await
    }

    /// Sends an event of a stream of events, after waiting for room where too much is queued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) if a name or an id has line breaks,
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the exchange is over,
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) before
    /// [`event_stream`](crate::HttpExchange::event_stream).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the event is not sent.
    pub async fn send_event(&self, event: impl Into<ServerSentEvent>) -> Result {
        let encoded = event.into().encode()?;
        self.link.send(Content::Events, encoded).await
    }

    /// Completes the response, after what was sent. Ending it again does nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if the response has not begun.
    pub fn end(&self) -> Result {
        self.link.end()
    }

    /// Whether there is still a client that waits for the response or the rest of it.
    pub fn is_open(&self) -> bool {
        self.link.over().is_none()
    }
}

impl fmt::Debug for HttpSender {
    /// Shows nothing of what waits for the client.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSender").finish_non_exhaustive()
    }
}
