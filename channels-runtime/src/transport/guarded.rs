//! A client's stream under the HTTP server: it ends when the client stops reading, and when a client
//! that has closed its sending side turns out to be gone.
//!
//! | state | begins | ends |
//! |---|---|---|
//! | writing | a write finds no room | everything is written; or the client took too little in one period: error |
//! | half-closed | the client ended its side (FIN) | a reset arrives, or nothing could be written for the grace period: error |
//!
//! TCP does not tell a client that has closed its socket from one that only sends nothing more and waits
//! for its answer. So the request goes on after the FIN, and the client counts as gone when it resets
//! the connection (which it does once something is written to a closed socket), or after the grace
//! period.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::Limits;
use crate::pace::{Pace, later};

/// Bytes that are read while the server does not ask for them, to notice the end behind them.
const AHEAD: usize = 1024;

/// Checks in one period of a blocked write. The kernel reports room only when a third of its buffer is
/// free, which a slow client needs minutes for: so the write is retried without a report.
const CHECKS: u32 = 10;

/// Pause between two checks of a half-closed stream for a reset.
const RESET_CHECK: Duration = Duration::from_millis(250);

/// What a guarded stream consists of.
pub(crate) trait Guardable: AsyncRead + AsyncWrite + Unpin {
    /// Writes what there is room for now, without waiting for the kernel's report of room.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// The error that is pending on the stream: a reset, for example.
    fn pending_error(&self) -> Option<io::Error>;
}

/// A stream with deadlines.
#[derive(Debug)]
pub(crate) struct Guarded<I> {
    inner: I,
    /// Read before the server asked for it.
    ahead: Bytes,
    pace: Pace,
    grace: Duration,
    writing: Option<Writing>,
    half_closed: Option<HalfClosed>,
    /// Set once the client has closed its side, for streams of events: they send a comment then, which a
    /// client that is gone answers with a reset.
    is_half_closed: Arc<AtomicBool>,
}

/// A write that waits for room.
#[derive(Debug)]
struct Writing {
    /// Bytes that the client took in this period.
    taken: u64,
    period_ends: Instant,
    check: Pin<Box<Sleep>>,
}

/// A client that sends nothing more: it waits for its answer, or is gone.
#[derive(Debug)]
pub(crate) struct HalfClosed {
    grace: Duration,
    gone_at: Instant,
    check: Pin<Box<Sleep>>,
}

/// The pace of a client that reads. A period of zero is no deadline.
fn reading_pace(limits: &Limits) -> Pace {
    Pace::new(
        limits.ping_interval.saturating_add(limits.ping_timeout),
        limits,
    )
}

/// The time between two checks of a blocked write.
fn check(pace: Pace) -> Duration {
    (pace.period / CHECKS).max(Duration::from_millis(1))
}

impl HalfClosed {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            gone_at: later(Instant::now(), grace),
            check: Box::pin(sleep(RESET_CHECK.min(grace))),
        }
    }

    /// Something was written, so the grace period begins again. A client that is gone resets the
    /// connection now.
    fn answered(&mut self) {
        self.gone_at = later(Instant::now(), self.grace);
    }

    /// Waits until the client turns out to be gone.
    pub(crate) fn poll_gone(
        &mut self,
        cx: &mut Context<'_>,
        pending_error: impl Fn() -> Option<io::Error>,
    ) -> Poll<io::Error> {
        while self.check.as_mut().poll(cx).is_ready() {
            if let Some(error) = pending_error() {
                return Poll::Ready(error);
            }
            let now = Instant::now();
            if now >= self.gone_at {
                return Poll::Ready(io::ErrorKind::UnexpectedEof.into());
            }
            let next = later(now, RESET_CHECK).min(self.gone_at);
            self.check.as_mut().reset(next);
        }
        Poll::Pending
    }
}

impl<I: Guardable> Guarded<I> {
    pub(crate) fn new(inner: I, limits: &Limits, is_half_closed: Arc<AtomicBool>) -> Self {
        Self {
            inner,
            ahead: Bytes::new(),
            pace: reading_pace(limits),
            grace: limits.grace,
            writing: None,
            half_closed: None,
            is_half_closed,
        }
    }

    /// The stream, and what was read of it before.
    pub(super) fn into_parts(self) -> (Bytes, I) {
        (self.ahead, self.inner)
    }

    fn wrote(&mut self, bytes: usize) {
        if let Some(writing) = &mut self.writing {
            writing.taken += bytes as u64;
        }
        if let Some(half_closed) = &mut self.half_closed {
            half_closed.answered();
        }
    }

    fn poll_written(
        &mut self,
        polled: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match polled {
            Poll::Pending => self.poll_blocked(cx, slices),
            polled @ Poll::Ready(_) => polled,
        };
        if let Poll::Ready(Ok(written)) = polled {
            self.wrote(written);
        }
        polled
    }

    /// A write found no room. Retries it at each check, and fails once a period has ended in which the
    /// client took too little.
    fn poll_blocked(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pace = self.pace;
        if pace.period.is_zero() {
            return Poll::Pending;
        }
        let writing = self.writing.get_or_insert_with(|| Writing {
            taken: 0,
            period_ends: later(Instant::now(), pace.period),
            check: Box::pin(sleep(check(pace))),
        });
        while writing.check.as_mut().poll(cx).is_ready() {
            let written = self.inner.try_write(slices).unwrap_or_default();
            let now = Instant::now();
            if now >= writing.period_ends {
                if writing.taken + (written as u64) < pace.least {
                    tracing::debug!(taken = writing.taken, "client does not read, disconnected");
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                writing.taken = 0;
                writing.period_ends = later(now, pace.period);
            }
            let next = later(now, check(pace)).min(writing.period_ends);
            writing.check.as_mut().reset(next);
            if written > 0 {
                return Poll::Ready(Ok(written));
            }
        }
        Poll::Pending
    }

    /// Notices the end of a client whose request is being answered: the server does not read then.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.ahead.is_empty() && self.half_closed.is_none() {
            let mut buffer = [MaybeUninit::uninit(); AHEAD];
            let mut buffer = ReadBuf::uninit(&mut buffer);
            if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, &mut buffer) {
                read?;
                if buffer.filled().is_empty() {
                    self.half_closed = Some(HalfClosed::new(self.grace));
                    self.is_half_closed.store(true, Ordering::Relaxed);
                } else {
                    self.ahead = Bytes::copy_from_slice(buffer.filled());
                }
                // The server may be waiting for just that, and a stream of events sends its comment.
                cx.waker().wake_by_ref();
            }
        }
        let Some(half_closed) = &mut self.half_closed else {
            return Ok(());
        };
        match half_closed.poll_gone(cx, || self.inner.pending_error()) {
            Poll::Ready(error) => Err(error),
            Poll::Pending => Ok(()),
        }
    }
}

impl<I: Guardable> AsyncRead for Guarded<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead.split_to(length));
            return Poll::Ready(Ok(()));
        }
        if self.half_closed.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<I: Guardable> AsyncWrite for Guarded<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.poll_written(polled, cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.poll_written(polled, cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// The server flushes once it has written everything, and each time that it waits.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing = None;
        self.poll_watch(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    impl Guardable for DuplexStream {
        fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn pending_error(&self) -> Option<io::Error> {
            None
        }
    }

    fn pipe(limits: &Limits) -> (DuplexStream, Guarded<DuplexStream>) {
        let (client, server) = tokio::io::duplex(1000);
        (client, Guarded::new(server, limits, Arc::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_disconnected_after_a_period() {
        let (client, mut server) = pipe(&Limits::default());
        let begun = Instant::now();
        let written = server.write_all(&[0; 5000]).await;
        let error = written.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 50);
        drop(client);
    }

    /// Seconds until a write of 100,000 bytes ends, and whether all of it was written, while the client
    /// reads `bytes` each second.
    async fn write_to(bytes: usize) -> (u64, bool) {
        let (mut client, mut server) = pipe(&Limits::default());
        let begun = Instant::now();
        let writing =
            tokio::spawn(async move { server.write_all(&vec![0; 100_000]).await.is_ok() });
        let mut part = vec![0; bytes];
        while !writing.is_finished() {
            sleep(Duration::from_secs(1)).await;
            if client.read_exact(&mut part).await.is_err() {
                break;
            }
        }
        let is_written = writing.await.expect("no panic");
        (begun.elapsed().as_secs(), is_written)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_served_above_the_minimum_rate() {
        let (took, is_written) = write_to(110).await;
        assert!(is_written && took > 890, "{took} s");
        let (took, is_written) = write_to(90).await;
        assert!(!is_written && took < 160, "{took} s");
        let (took, is_written) = write_to(1).await;
        assert!(!is_written && took < 110, "{took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_closed_stream_is_gone_after_the_grace_period() {
        let (mut client, mut server) = pipe(&Limits::default());
        client.write_all(b"early").await.expect("written");
        client.shutdown().await.expect("shut down");
        let begun = Instant::now();
        let mut early = [0; 5];
        server.flush().await.expect("nothing is wrong");
        server.read_exact(&mut early).await.expect("read ahead");
        assert_eq!(&early, b"early");
        assert_eq!(server.read(&mut early).await.expect("the end"), 0);
        sleep(Duration::from_secs(5)).await;
        server.write_all(b"answer").await.expect("it may read");
        let gone = poll_fn(|cx| {
            // As hyper does: each time that it is woken.
            let flushed = Pin::new(&mut server).poll_flush(cx);
            match flushed {
                Poll::Ready(Err(error)) => Poll::Ready(error),
                _ => Poll::Pending,
            }
        });
        assert_eq!(gone.await.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(begun.elapsed().as_secs(), 15);
    }
}
