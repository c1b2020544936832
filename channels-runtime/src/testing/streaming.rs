//! A response that is read as it comes.

use std::fmt;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::application::lost;
use super::{ApplicationCommunicator, SILENCE, in_time};
use crate::{Error, ErrorKind, Result};

/// A response whose body is read as it comes. Dropping it disconnects.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::ProtocolTypeRouter;
/// use channels_runtime::testing::HttpCommunicator;
///
/// # async fn test(app: ProtocolTypeRouter) -> channels_runtime::Result {
/// let mut events = HttpCommunicator::get(&app, "/events/").open().await?;
/// assert_eq!(events.status(), 200);
/// assert_eq!(events.event().await?.as_deref(), Some("data: hello"));
/// assert!(events.receives_nothing().await);
/// drop(events); // the client is gone
/// # Ok(())
/// # }
/// ```
pub struct StreamingResponse {
    head: Response<()>,
    body: Incoming,
    /// What came before it was asked for.
    early: BytesMut,
    _connection: ApplicationCommunicator,
}

impl StreamingResponse {
    pub(super) fn new(response: Response<Incoming>, connection: ApplicationCommunicator) -> Self {
        let (head, body) = response.into_parts();
        Self {
            head: Response::from_parts(head, ()),
            body,
            early: BytesMut::new(),
            _connection: connection,
        }
    }

    /// The response's status.
    pub fn status(&self) -> StatusCode {
        self.head.status()
    }

    /// The response's headers.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// What comes next of the body; nothing at its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the body is broken off, [`ErrorKind::Other`] if nothing comes in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if !self.early.is_empty() {
            return Ok(Some(self.early.split().freeze()));
        }
        in_time("a part of the body", self.next()).await?
    }

    /// The next server-sent event, or comment, without the blank line behind it; nothing at the
    /// stream's end.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk); [`ErrorKind::InvalidPayload`] if an event is not whole, or not
    /// UTF-8.
    pub async fn event(&mut self) -> Result<Option<String>> {
        loop {
            let end = self.early.windows(2).position(|pair| pair == b"\n\n");
            if let Some(end) = end {
                let mut event = self.early.split_to(end + 2);
                event.truncate(end);
                return match String::from_utf8(event.into()) {
                    Ok(event) => Ok(Some(event)),
                    Err(error) => Err(not_whole("the event is not UTF-8", error)),
                };
            }
            match in_time("an event", self.next()).await?? {
                Some(chunk) => self.early.extend_from_slice(&chunk),
                None if self.early.is_empty() => return Ok(None),
                None => return Err(not_whole("the last event is not whole", "no blank line")),
            }
        }
    }

    /// Watches for a while that nothing comes, neither a part of the body nor its end.
    pub async fn receives_nothing(&mut self) -> bool {
        if !self.early.is_empty() {
            return false;
        }
        match tokio::time::timeout(SILENCE, self.next()).await {
            Ok(Ok(Some(chunk))) => {
                self.early.extend_from_slice(&chunk);
                false
            }
            Ok(_) => false,
            Err(_) => true,
        }
    }

    /// Reads the rest of the body.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn into_response(mut self) -> Result<Response<Bytes>> {
        let mut body = self.early.split();
        while let Some(chunk) = in_time("the response's body", self.next()).await?? {
            body.extend_from_slice(&chunk);
        }
        Ok(self.head.map(|()| body.freeze()))
    }

    /// Cancel safe.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(lost)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

fn not_whole(message: &str, source: impl Into<crate::BoxError>) -> Error {
    Error::caused(ErrorKind::InvalidPayload, message, source)
}

impl fmt::Debug for StreamingResponse {
    /// Shows the names of the headers, not the values: these hold cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingResponse")
            .field("status", &self.status())
            .field("headers", &self.headers().keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
