//! The closing handshake of a socket, from the last frame that is queued to the last byte.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::link::Link;
use super::wire::UNHANDLED;
use crate::consumer::{Disconnect, DisconnectedBy};
use crate::transport::{Decoder, Incoming, ReadHalf};

/// How long `disconnect` waits until everything is written to a client that broke a limit.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(1);

/// How much is read, and thrown away, of a peer that was refused and goes on sending.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// The closing handshake (RFC 6455 §7), and what its end will be to the consumer.
pub(super) struct Ending {
    io: ReadHalf,
    decoder: Decoder,
    disconnect: Disconnect,
    awaits: Awaits,
    /// How much had still to be written when the task looked last.
    unwritten: usize,
    /// Until when the next byte has to be taken, and in the end the peer's close frame to come.
    deadline: Pin<Box<Sleep>>,
    timeout: Duration,
    /// For a peer that broke a limit: how long its answer is waited for once all is written.
    rest: Option<Duration>,
    /// Whether the consumer is told of the end before the peer has answered: a peer that broke a limit
    /// may stay silent.
    is_early: bool,
}

/// What has to happen before the stream can be dropped. In all cases what is queued is written.
pub(super) enum Awaits {
    /// Nothing more: the peer has closed, and this was the answer.
    Nothing,
    /// We closed: the peer's close frame.
    CloseFrame,
    /// The peer was refused: its end of stream, so that no reset overtakes our close frame. So
    /// many bytes are thrown away by now.
    EndOfStream(usize),
}

impl Ending {
    /// Begins with what is queued: `unwritten` bytes, and `timeout` for each part of them.
    pub(super) fn new(
        io: ReadHalf,
        decoder: Decoder,
        disconnect: Disconnect,
        awaits: Awaits,
        unwritten: usize,
        timeout: Duration,
    ) -> Self {
        let rest = (disconnect.by == DisconnectedBy::Limit).then_some(timeout);
        let timeout = rest.map_or(timeout, |rest| rest.min(REFUSED_TIMEOUT));
        Self {
            io,
            decoder,
            disconnect,
            awaits,
            unwritten,
            deadline: Box::pin(sleep(timeout)),
            timeout,
            rest,
            is_early: false,
        }
    }

    /// Begins a turn of the task, in which a bounded number of frames and bytes is decoded.
    pub(super) fn begin_turn(&mut self) {
        self.decoder.begin_turn();
    }

    /// Memory that an incomplete message takes.
    pub(super) fn memory(&self) -> usize {
        self.decoder.memory()
    }

    /// Whether the consumer was told of the end before the peer has answered.
    pub(super) fn is_early(&self) -> bool {
        self.is_early
    }

    /// Ready when all is written and what is awaited has come, or when the time is up; for a peer that
    /// broke a limit once more before, when all is written or a second has passed.
    pub(super) fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<Disconnect> {
        if let Some(rest) = self.rest {
            if link.poll_flush(cx).is_pending() {
                ready!(self.deadline.as_mut().poll(cx));
            }
            self.rest = None;
            self.is_early = true;
            self.timeout = rest;
            self.deadline.as_mut().reset(Instant::now() + rest);
            return Poll::Ready(self.disconnect.clone());
        }
        if self.poll_farewell(link, cx).is_ready() {
            return Poll::Ready(self.disconnect.clone());
        }
        // A slow peer that goes on taking what is queued has its time for each part of it.
        let unwritten = link.unwritten();
        if mem::replace(&mut self.unwritten, unwritten) > unwritten {
            self.deadline.as_mut().reset(Instant::now() + self.timeout);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(self.disconnect.clone())
    }

    /// An error here is an end like any other: both sides know that it is over.
    fn poll_farewell(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(link.poll_flush(cx))?;
        match &mut self.awaits {
            Awaits::Nothing => {}
            Awaits::CloseFrame => {
                ready!(self.poll_close_frame(cx));
                self.awaits = Awaits::Nothing;
            }
            Awaits::EndOfStream(discarded) => {
                ready!(link.poll_shutdown(cx))?;
                return drain(&mut self.io, discarded, cx);
            }
        }
        link.poll_shutdown(cx)
    }

    /// Drops what comes before the peer's close frame, or before its end.
    fn poll_close_frame(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..UNHANDLED {
            match ready!(self.decoder.poll_next(&mut self.io, cx)) {
                Ok(Incoming::Close(_)) | Err(_) => return Poll::Ready(()),
                Ok(Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn drain(io: &mut ReadHalf, discarded: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut buffer = [0; 4096];
    for _ in 0..UNHANDLED {
        match ready!(io.poll_read(cx, &mut buffer))? {
            0 => return Poll::Ready(Ok(())),
            read => *discarded += read,
        }
        if *discarded >= DRAIN_BYTES {
            return Poll::Ready(Ok(()));
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
