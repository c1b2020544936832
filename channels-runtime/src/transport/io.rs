//! The byte stream under a WebSocket, in its two directions.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, Read as _};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A peer that is gone is an error, never a signal.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(super) const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
/// Where the standard library has set that for the socket, or there are no signals.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub(super) const NO_SIGNAL: i32 = 0;

/// Whether a read that does not fill its buffer has taken all there is, and what comes later wakes the
/// reader: so it is with epoll's edges, and tokio itself relies on it.
const SHORT_READ_IS_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How much that is not sent yet the kernel keeps of one connection, in bytes. Without this limit it is
/// some megabytes, and a client that reads 10 kB/s looks dead for minutes: the socket has room again only
/// once a third of that is free.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 64 * 1024;

/// Sets up a connection that was accepted: writes leave at once, and what the peer has received shows
/// soon.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)?;
    Ok(())
}

pub(super) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// What comes from the peer: a TCP socket where it is one, anything else behind a pointer.
pub(crate) enum ReadHalf {
    Tcp(OwnedReadHalf),
    Other(Box<tokio::io::ReadHalf<Upgraded>>),
}

/// What goes to the peer.
pub(crate) enum WriteHalf {
    Tcp(OwnedWriteHalf),
    Other(Box<tokio::io::WriteHalf<Upgraded>>),
}

impl ReadHalf {
    /// Reads into a buffer; nothing read is the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => poll_read_tcp(half.as_ref(), cx, buffer),
            Self::Other(half) => {
                let mut buffer = ReadBuf::new(buffer);
                let polled = Pin::new(half).poll_read(cx, &mut buffer);
                polled.map_ok(|()| buffer.filled().len())
            }
        }
    }

    /// Whether there may be something to read, where that can be known; if not, `cx` is woken when
    /// there is.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(half) => half.as_ref().poll_read_ready(cx).map(drop),
            Self::Other(_) => Poll::Ready(()),
        }
    }

    /// Reads behind what a buffer holds, at most so much more, without zeroing it first.
    pub(crate) fn poll_append(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let mut buffer = buffer.limit(most);
        // The futures hold nothing but these two references, so each poll can make a new one.
        match self {
            Self::Tcp(half) => pin!(half.read_buf(&mut buffer)).poll(cx),
            Self::Other(half) => pin!(half.read_buf(&mut buffer)).poll(cx),
        }
    }
}

impl WriteHalf {
    /// Writes; whoever waits for room is woken through `cx`.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.try_write(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
        match self {
            Self::Tcp(half) => Pin::new(half).poll_write_vectored(cx, slices),
            Self::Other(half) => Pin::new(half).poll_write_vectored(cx, slices),
        }
    }

    /// Writes what there is room for at once, from whatever thread; the room that comes later
    /// wakes nobody.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // Asked directly: tokio would look up first what it knows of the socket's readiness, and a
        // socket without room says so itself.
        match (self, slices) {
            // write(2) costs less than writev(2), and most writes are of one frame.
            (Self::Tcp(half), [one]) => {
                SockRef::from(half.as_ref()).send_with_flags(one, NO_SIGNAL)
            }
            (Self::Tcp(half), many) => {
                SockRef::from(half.as_ref()).send_vectored_with_flags(many, NO_SIGNAL)
            }
            (Self::Other(_), _) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Other(half) => Pin::new(half).poll_flush(cx),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            Self::Other(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}

/// Reads as `TcpStream::poll_read` does, for half of what that costs where there is something: nobody
/// is registered to be woken then, and tokio's budget is not asked. So loops around it are bounded.
fn poll_read_tcp(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        let mut all = None;
        let tried = stream.try_io(Interest::READABLE, || {
            let read = (&*SockRef::from(stream)).read(buffer)?;
            if SHORT_READ_IS_ALL && (1..buffer.len()).contains(&read) {
                // So tokio knows it, without being told by one more read.
                all = Some(read);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read)
        });
        match (all, tried) {
            (Some(read), _) => return Poll::Ready(Ok(read)),
            (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(stream.poll_read_ready(cx))?;
            }
            (None, read) => return Poll::Ready(read),
        }
    }
}

/// Reads, and takes the end of the stream for what it is to a WebSocket: a lost connection.
pub(super) fn poll_some(polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    match ready!(polled) {
        Ok(0) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        other => Poll::Ready(other),
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").finish_non_exhaustive()
    }
}

impl fmt::Debug for WriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").finish_non_exhaustive()
    }
}
