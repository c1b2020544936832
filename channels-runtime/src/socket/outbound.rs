//! The frames that wait to be written to one socket, bounded by the memory they take, and its sink.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::queue::Queue;
use crate::memory::Account;
use crate::stats::Stats;
use crate::supervise::{discard, isolate};
use crate::transport::{Frame, WriteHalf};

/// How many frames one call writes at the most.
const BATCH: usize = 32;

/// Up to so many bytes, it costs less to copy them together than to write them from where they are.
const COPIED: usize = 1024;

/// The same for the header and the payload of a single frame, as most writes are.
const SMALL: usize = 256;

/// A queue that costs nothing while it is empty.
#[derive(Debug)]
pub(crate) struct Outbound {
    sink: Sink,
    frames: Queue<Frame>,
    /// How much of the first frame is written already.
    written: usize,
    /// Bytes that are not written yet.
    bytes: usize,
    /// Memory that the frames take: a frame counts as a whole until its last byte is written.
    cost: usize,
    /// From this cost on, senders wait. One message may be larger.
    high_water: usize,
    /// What the frames take in the total of all connections, since the socket refused some of them.
    account: Account,
    /// The position of the unanswered pong, counted from 1. 0 if none is queued.
    pong: usize,
    /// Whether the socket had no room when it was written to last.
    blocked: bool,
    /// Whether the socket took more after it had no room: so the peer has received something.
    progressed: bool,
    /// For how many ticks in a row the socket was seen without room.
    stalled: u8,
    waiting: Vec<Waker>,
}

/// What an [`Outbound`] has no more use for. Dropping it drops payloads and wakes senders, both of
/// which may be user code: declare it before the guard of the link's lock, so that it is dropped after
/// it.
#[derive(Debug, Default)]
#[must_use = "it is dropped after the lock is released"]
pub(crate) struct Spent {
    frames: Queue<Frame>,
    sink: Option<Sink>,
    /// Senders that may go on.
    waiting: Vec<Waker>,
}

impl Drop for Spent {
    #[inline]
    fn drop(&mut self) {
        let is_empty = self.frames.is_empty() && self.sink.is_none() && self.waiting.is_empty();
        if !is_empty {
            self.discard();
        }
    }
}

impl Spent {
    fn discard(&mut self) {
        while let Some(frame) = self.frames.pop() {
            discard("the `Drop` of a payload", frame);
        }
        if let Some(sink) = self.sink.take() {
            discard("the `Drop` of a stream", sink);
        }
        for waker in std::mem::take(&mut self.waiting) {
            isolate("a waker", || waker.wake());
        }
    }
}

#[derive(Debug)]
enum Sink {
    /// The server has still to write the 101.
    Missing,
    Open(WriteHalf),
    /// Nothing more is written: what is pushed is dropped.
    Gone,
}

impl Outbound {
    pub(crate) fn new(high_water: usize, stats: Arc<Stats>) -> Self {
        Self {
            sink: Sink::Missing,
            frames: Queue::new(),
            written: 0,
            bytes: 0,
            cost: 0,
            high_water,
            account: Account::new(stats),
            pong: 0,
            blocked: false,
            progressed: false,
            stalled: 0,
            waiting: Vec::new(),
        }
    }

    /// From now on there is something to write to.
    pub(crate) fn attach(&mut self, sink: WriteHalf) {
        self.sink = Sink::Open(sink);
    }

    /// Whether a sender would have to wait: for room here, or, where anything is queued, for memory of
    /// the server.
    pub(crate) fn is_full(&self) -> bool {
        self.cost >= self.high_water
            || (!self.frames.is_empty() && self.account.memory().is_exhausted())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many bytes wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    pub(crate) fn push(&mut self, frame: Frame) {
        if !matches!(self.sink, Sink::Gone) {
            self.bytes += frame.len();
            self.cost += frame.cost();
            self.frames.push(frame);
        }
    }

    /// Queues the answer to a ping. It replaces one that is not sent yet: only the latest ping needs an
    /// answer (RFC 6455 §5.5.3).
    pub(crate) fn push_pong(&mut self, pong: Frame) {
        let is_begun = self.pong == 1 && self.written > 0;
        let place = self.pong.checked_sub(1).filter(|_| !is_begun);
        if let Some(earlier) = place.and_then(|place| self.frames.get_mut(place)) {
            self.bytes = self.bytes - earlier.len() + pong.len();
            self.cost = self.cost - earlier.cost() + pong.cost();
            *earlier = pong;
        } else {
            self.push(pong);
            self.pong = self.frames.len();
        }
    }

    /// Whether the peer has received something since the last call, after the socket had no room.
    #[inline]
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progressed)
    }

    /// Counts a tick of a server without memory. Returns whether the socket has had no room for
    /// two of them.
    pub(crate) fn stalls(&mut self) -> bool {
        self.stalled = if self.blocked {
            self.stalled.saturating_add(1)
        } else {
            0
        };
        self.stalled >= 2
    }

    /// Whether a sender is already remembered that waits for room.
    pub(crate) fn knows(&self, waker: &Waker) -> bool {
        self.waiting.iter().any(|known| known.will_wake(waker))
    }

    /// Remembers who waits for room. To clone a waker is user code: do that without the lock.
    pub(crate) fn wait(&mut self, waker: Waker) {
        self.waiting.push(waker);
    }

    /// Nobody need wait for room any more.
    pub(crate) fn release_waiting(&mut self, spent: &mut Spent) {
        spent.waiting.append(&mut self.waiting);
    }

    /// Writes until all is written; whoever waits for the socket's room is woken through `cx`.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        spent: &mut Spent,
    ) -> Poll<io::Result<()>> {
        ready!(self.flush(spent, |sink, slices| sink.poll_write(cx, slices)))?;
        match &mut self.sink {
            Sink::Open(sink) => sink.poll_flush(cx),
            Sink::Missing | Sink::Gone => Poll::Ready(Ok(())),
        }
    }

    /// Writes what the socket takes at once, from whatever thread. Pending if something is left.
    pub(crate) fn try_flush(&mut self, spent: &mut Spent) -> Poll<io::Result<()>> {
        self.flush(spent, |sink, slices| match sink.try_write(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            other => Poll::Ready(other),
        })
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.sink {
            Sink::Open(sink) => sink.poll_shutdown(cx),
            Sink::Missing | Sink::Gone => Poll::Ready(Ok(())),
        }
    }

    fn flush(
        &mut self,
        spent: &mut Spent,
        write: impl FnMut(&mut WriteHalf, &[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let flushed = self.write_frames(spent, write);
        // What the socket takes at once is never in the account.
        self.blocked = flushed.is_pending();
        self.account.settle(self.cost);
        flushed
    }

    fn write_frames(
        &mut self,
        spent: &mut Spent,
        mut write: impl FnMut(&mut WriteHalf, &[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while let Some(first) = self.frames.front() {
            let Sink::Open(sink) = &mut self.sink else {
                return Poll::Pending;
            };
            let mut write = |slices: &[IoSlice<'_>]| write(sink, slices);
            let written = if self.frames.len() > 1 || self.written > 0 {
                write_parts(parts(&self.frames, self.written), self.bytes, write)
            } else if first.header().is_empty() {
                write(&[IoSlice::new(first.payload())])
            } else if first.len() <= SMALL {
                let mut copy = [0; SMALL];
                let (header, rest) = copy.split_at_mut(first.header().len());
                header.copy_from_slice(first.header());
                rest[..first.payload().len()].copy_from_slice(first.payload());
                write(&[IoSlice::new(&copy[..first.len()])])
            } else {
                write(&[IoSlice::new(first.header()), IoSlice::new(first.payload())])
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.advance(written, spent),
            }
        }
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn advance(&mut self, written: usize, spent: &mut Spent) {
        if self.blocked {
            self.blocked = false;
            self.progressed = true;
            self.stalled = 0;
        }
        self.bytes -= written;
        self.written += written;
        let mut done = 0;
        for frame in self.frames.iter() {
            if self.written < frame.len() {
                break;
            }
            self.written -= frame.len();
            self.cost -= frame.cost();
            done += 1;
        }
        self.pong = self.pong.saturating_sub(done);
        if done == self.frames.len() && spent.frames.is_empty() {
            // As mostly: the queue itself goes, so nothing is allocated for what is left of it.
            spent.frames = self.frames.take();
        } else {
            for frame in (0..done).filter_map(|_| self.frames.pop()) {
                spent.frames.push(frame);
            }
        }
        if !self.waiting.is_empty() && !self.is_full() {
            self.release_waiting(spent);
        }
    }

    /// Takes out what is left, and the sink: the socket is gone.
    pub(crate) fn clear(&mut self, spent: &mut Spent) {
        spent.sink = Some(std::mem::replace(&mut self.sink, Sink::Gone));
        while let Some(frame) = self.frames.pop() {
            spent.frames.push(frame);
        }
        self.written = 0;
        self.bytes = 0;
        self.cost = 0;
        self.pong = 0;
        self.blocked = false;
        self.account.settle(0);
        self.release_waiting(spent);
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        let mut spent = Spent::default();
        self.clear(&mut spent);
    }
}

/// The bytes of the first frames that are not written yet.
fn parts(frames: &Queue<Frame>, written: usize) -> impl Iterator<Item = &[u8]> {
    let mut skip = written;
    frames
        .iter()
        .take(BATCH)
        .flat_map(|frame| [frame.header(), frame.payload()])
        .map(move |part| {
            let rest = &part[skip.min(part.len())..];
            skip = skip.saturating_sub(part.len());
            rest
        })
        .filter(|part| !part.is_empty())
}

/// Writes parts, together where they are few bytes.
fn write_parts<'a, T>(
    parts: impl Iterator<Item = &'a [u8]>,
    bytes: usize,
    write: impl FnOnce(&[IoSlice<'_>]) -> T,
) -> T {
    if bytes <= COPIED {
        let mut copy = [0; COPIED];
        let mut end = 0;
        for part in parts {
            copy[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        return write(&[IoSlice::new(&copy[..end])]);
    }
    let mut slices = [IoSlice::new(&[]); BATCH * 2];
    let mut used = 0;
    for (slice, part) in slices.iter_mut().zip(parts) {
        *slice = IoSlice::new(part);
        used += 1;
    }
    write(&slices[..used])
}
