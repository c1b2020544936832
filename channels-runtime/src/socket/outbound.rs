//! The frames that wait to be written to one socket, bounded by their bytes.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};

use crate::transport::{Frame, Io};

/// How many frames one call writes at the most.
const BATCH: usize = 32;

/// A queue that costs nothing while it is empty.
#[derive(Debug)]
pub(crate) struct Outbound {
    frames: VecDeque<Frame>,
    /// How much of the first frame is written already.
    written: usize,
    bytes: usize,
    /// Above this many bytes, senders wait. One message may be larger than it.
    high_water: usize,
    waiting: Vec<Waker>,
}

impl Outbound {
    pub(crate) fn new(high_water: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            written: 0,
            bytes: 0,
            high_water,
            waiting: Vec::new(),
        }
    }

    /// Whether a sender would have to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.high_water
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Remembers who waits for room.
    pub(crate) fn wait(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|known| known.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }

    /// Writes until all is written, or the socket takes no more.
    pub(crate) fn poll_flush(&mut self, io: &mut Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.frames.is_empty() {
            let written = ready!(self.poll_write(io, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        io.poll_flush(cx)
    }

    fn poll_write(&self, io: &mut Io, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); BATCH * 2];
        let mut used = 0;
        let mut skip = self.written;
        for frame in self.frames.iter().take(BATCH) {
            for part in [frame.header(), frame.payload()] {
                let rest = &part[skip.min(part.len())..];
                skip = skip.saturating_sub(part.len());
                if !rest.is_empty() {
                    slices[used] = IoSlice::new(rest);
                    used += 1;
                }
            }
        }
        io.poll_write(cx, &slices[..used])
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written;
        self.written += written;
        while let Some(first) = self.frames.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.frames.pop_front();
        }
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
        if !self.is_full() {
            self.wake_waiting();
        }
    }

    /// Drops what is left: the socket is gone.
    pub(crate) fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.written = 0;
        self.bytes = 0;
        self.wake_waiting();
    }

    fn wake_waiting(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
