//! The byte stream under a WebSocket.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream of bytes: a TCP socket where it is one, anything else behind a pointer.
pub(crate) enum Io {
    Tcp(TcpStream),
    Other(Pin<Box<dyn Stream>>),
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// The stream after the HTTP server has let go of it, and what it had read too far.
pub(crate) struct Upgraded {
    pub(crate) io: Io,
    pub(crate) early: Bytes,
}

impl Upgraded {
    /// Waits until the 101 is written and the connection is ours.
    pub(crate) fn wait(
        upgrade: OnUpgrade,
    ) -> Pin<Box<dyn Future<Output = io::Result<Self>> + Send>> {
        Box::pin(async move {
            let upgraded = upgrade.await.map_err(io::Error::other)?;
            Ok(match upgraded.downcast::<TokioIo<TcpStream>>() {
                Ok(parts) => Self {
                    io: Io::Tcp(parts.io.into_inner()),
                    early: parts.read_buf,
                },
                Err(upgraded) => {
                    let io = Io::Other(Box::pin(TokioIo::new(upgraded)));
                    Self {
                        io,
                        early: Bytes::new(),
                    }
                }
            })
        })
    }
}

impl Io {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let polled = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Self::Other(stream) => stream.as_mut().poll_read(cx, &mut buffer),
        };
        polled.map_ok(|()| buffer.filled().len())
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Other(stream) => stream.as_mut().poll_write_vectored(cx, slices),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Other(stream) => stream.as_mut().poll_flush(cx),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Other(stream) => stream.as_mut().poll_shutdown(cx),
        }
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Io::Tcp",
            Self::Other(_) => "Io::Other",
        })
    }
}
