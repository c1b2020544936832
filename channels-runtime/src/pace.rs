//! How fast a client has to be, and a request's body that fails where its client is slower.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::BoxError;
use crate::limits::Limits;

/// How many bytes a client has to send or take in which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) period: Duration,
    /// Bytes in each period.
    pub(crate) least: u64,
}

impl Pace {
    /// The limits' `minimum_rate` in each such period, and at least one byte.
    pub(crate) fn new(period: Duration, limits: &Limits) -> Self {
        let least = (limits.minimum_rate as u128).saturating_mul(period.as_millis()) / 1000;
        Self {
            period,
            least: u64::try_from(least).unwrap_or(u64::MAX).max(1),
        }
    }
}

/// A time so late that there is none is never.
pub(crate) fn later(now: Instant, by: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    now + by.min(NEVER)
}

/// A request's body whose client has to send at a pace. The time counts only while a reader waits for
/// bytes: a service that is busy, or does not read the body at all, is not the client's fault.
#[derive(Debug)]
pub(crate) struct PacedBody<B> {
    body: B,
    pace: Pace,
    /// Bytes that came in this period.
    received: u64,
    /// What is left of the period while nobody waits.
    left: Duration,
    is_waiting: bool,
    has_stalled: bool,
    /// Made when a reader waits for the first time: most bodies are there at once.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> PacedBody<B> {
    /// A body at the pace of `Limits::body_timeout`.
    pub(crate) fn new(body: B, limits: &Limits) -> Self {
        let pace = Pace::new(limits.body_timeout, limits);
        Self {
            body,
            pace,
            received: 0,
            left: pace.period,
            is_waiting: false,
            has_stalled: false,
            timer: None,
        }
    }

    /// A frame is there, or the end: the reader does not wait any more.
    fn pause(&mut self) {
        if !std::mem::take(&mut self.is_waiting) {
            return;
        }
        let deadline = self.timer.as_ref().map(|timer| timer.deadline());
        let now = Instant::now();
        match deadline {
            Some(deadline) if deadline > now => self.left = deadline - now,
            // The reader came back late, and nobody knows when the bytes came: a new period begins.
            _ => {
                self.left = self.pace.period;
                self.received = 0;
            }
        }
    }

    /// Waits until a period has ended in which too little came.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let deadline = later(now, self.left);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if !self.is_waiting {
            self.is_waiting = true;
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if self.received < self.pace.least {
                return Poll::Ready(());
            }
            self.received = 0;
            timer.as_mut().reset(later(now, self.pace.period));
        }
        Poll::Pending
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.has_stalled {
            return Poll::Ready(Some(Err(stalled())));
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.pause();
            if let Some(Ok(frame)) = &frame
                && let Some(data) = frame.data_ref()
            {
                self.received += data.len() as u64;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if self.poll_stalled(cx).is_pending() {
            return Poll::Pending;
        }
        self.has_stalled = true;
        tracing::debug!(received = self.received, "client sends a body too slowly");
        Poll::Ready(Some(Err(stalled())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn stalled() -> BoxError {
    let text = "the client sends the body too slowly";
    io::Error::new(io::ErrorKind::TimedOut, text).into()
}

/// Whether a body has failed since its client was too slow.
pub(crate) fn is_stalled(error: &BoxError) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::mpsc;
    use tokio::time::{sleep, timeout};

    use super::*;

    type Frames = mpsc::UnboundedSender<&'static [u8]>;

    /// A body with a minimum of 3,000 bytes in 30 s, and where its bytes come from.
    fn paced() -> (Frames, impl Body<Data = Bytes, Error = BoxError> + Unpin) {
        let (sender, mut receiver) = mpsc::unbounded_channel::<&'static [u8]>();
        let frames = futures_util::stream::poll_fn(move |cx| {
            let data = receiver.poll_recv(cx);
            data.map(|data| data.map(|data| Ok::<_, BoxError>(Frame::data(data.into()))))
        });
        let body = PacedBody::new(StreamBody::new(frames), &Limits::default());
        (sender, body)
    }

    /// Sends pieces with pauses; returns the seconds until the body has ended, and whether it is whole.
    async fn send(piece: &'static [u8], pause: u64, times: usize) -> (u64, bool) {
        let (sender, body) = paced();
        let begun = Instant::now();
        tokio::spawn(async move {
            for _ in 0..times {
                let _ = sender.send(piece);
                sleep(Duration::from_secs(pause)).await;
            }
        });
        let collected = timeout(Duration::from_secs(100_000), body.collect()).await;
        let collected = collected.expect("it ends");
        let is_whole = collected.is_ok();
        if let Err(error) = collected {
            assert!(is_stalled(&error), "{error}");
        }
        (begun.elapsed().as_secs(), is_whole)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_passes_above_the_minimum_rate() {
        let (took, is_whole) = send(&[0; 1100], 10, 60).await;
        assert!(is_whole && took >= 590, "{took} s");
        let (took, is_whole) = send(&[0; 900], 10, 60).await;
        assert!(!is_whole && took <= 60, "{took} s");
        let (took, is_whole) = send(&[0; 1], 1, 600).await;
        assert!(!is_whole && took == 30, "{took} s");
        let (took, is_whole) = send(&[0; 10_000], 500, 1).await;
        assert!(!is_whole && took == 60, "{took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_wait_is_not_punished() {
        let (sender, mut body) = paced();
        for _ in 0..20 {
            // Polled once without a frame, and not again for longer than a period.
            assert!(futures_util::FutureExt::now_or_never(body.frame()).is_none());
            sleep(Duration::from_secs(50)).await;
            sender.send(&[0; 10]).expect("the body is there");
            let frame = body.frame().await.expect("not the end");
            frame.expect("not too slow");
            sleep(Duration::from_secs(50)).await;
        }
        // From here it waits, and the client sends nothing.
        let begun = Instant::now();
        let frame = timeout(Duration::from_secs(100), body.frame()).await;
        let error = frame.expect("it ends").expect("an error");
        assert!(is_stalled(&error.expect_err("too slow")));
        assert_eq!(begun.elapsed().as_secs(), 30);
        assert!(body.frame().await.expect("no end").is_err());
    }
}
