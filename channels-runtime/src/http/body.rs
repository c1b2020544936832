//! The body of a streaming response, as the server reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use super::link::Link;
use crate::BoxError;

/// A comment of a stream of events: nothing for its client, a sign of life for all in between.
const COMMENT: &[u8] = b":\n\n";

/// What a link queues. Dropping it tells the link that nobody reads any more.
#[derive(Debug)]
pub(super) struct StreamingBody {
    link: Arc<Link>,
    keep_alive: Option<KeepAlive>,
    /// For a stream of events: set once the client has closed its side. It gets one comment then, since a
    /// client that is gone answers that with a reset.
    is_half_closed: Option<Arc<AtomicBool>>,
    /// Whether the server had the time to write what came before a break.
    breaking: bool,
}

/// A clock that fills silence. It lives here since here is known when the wire is idle, whatever
/// the consumer does meanwhile.
#[derive(Debug)]
struct KeepAlive {
    period: Duration,
    timer: Pin<Box<Sleep>>,
}

impl StreamingBody {
    /// A body that sends a comment after each such time of silence, unless it is zero.
    pub(super) fn new(link: Arc<Link>, keep_alive: Duration) -> Self {
        let keep_alive = (!keep_alive.is_zero()).then(|| KeepAlive {
            period: keep_alive,
            timer: Box::pin(sleep(keep_alive)),
        });
        Self {
            link,
            keep_alive,
            is_half_closed: None,
            breaking: false,
        }
    }

    /// A body of events: once the client has closed its side, it gets one comment.
    pub(super) fn probe(mut self, is_half_closed: Option<Arc<AtomicBool>>) -> Self {
        self.is_half_closed = is_half_closed;
        self
    }
}

impl KeepAlive {
    fn restart(&mut self) {
        // A period so long that there is no such time is one that never ends.
        if let Some(next) = Instant::now().checked_add(self.period) {
            self.timer.as_mut().reset(next);
        }
    }
}

impl http_body::Body for StreamingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut chunk = self.link.poll_chunk(cx);
        if matches!(chunk, Poll::Ready(Some(Err(_)))) && !self.breaking {
            // hyper throws away what it has not written yet when a body fails.
            self.breaking = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if chunk.is_pending()
            && let Some(is_half_closed) = &self.is_half_closed
            && is_half_closed.load(Ordering::Relaxed)
        {
            self.is_half_closed = None;
            chunk = Poll::Ready(Some(Ok(Bytes::from_static(COMMENT))));
        }
        if let Some(keep_alive) = &mut self.keep_alive {
            let silent = chunk.is_pending() && keep_alive.timer.as_mut().poll(cx).is_ready();
            if silent {
                chunk = Poll::Ready(Some(Ok(Bytes::from_static(COMMENT))));
            }
            if chunk.is_ready() {
                keep_alive.restart();
            }
        }
        chunk.map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

impl Drop for StreamingBody {
    fn drop(&mut self) {
        self.link.lost();
    }
}
