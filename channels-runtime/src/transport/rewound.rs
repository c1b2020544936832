//! A TCP stream of which something was read already.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::guarded::Guardable;
use super::io::NO_SIGNAL;

/// A TCP stream that gives first what was read of it before.
#[derive(Debug)]
pub(crate) struct Rewound {
    unread: Bytes,
    stream: TcpStream,
}

impl Rewound {
    pub(crate) fn new(unread: Bytes, stream: TcpStream) -> Self {
        Self { unread, stream }
    }

    /// Puts bytes back before those that are not read yet.
    pub(super) fn rewind(&mut self, bytes: &Bytes) {
        if !bytes.is_empty() {
            self.unread = [&bytes[..], &self.unread[..]].concat().into();
        }
    }

    pub(super) fn into_parts(self) -> (Bytes, TcpStream) {
        (self.unread, self.stream)
    }
}

impl Guardable for Rewound {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        SockRef::from(&self.stream).send_vectored_with_flags(slices, NO_SIGNAL)
    }

    fn pending_error(&self) -> Option<io::Error> {
        self.stream.take_error().ok().flatten()
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
