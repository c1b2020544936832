//! How a stream comes from the HTTP server to its connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::io::{ReadHalf, WriteHalf};
use super::{Guarded, Rewound};

/// A stream on its way: it comes once the 101 is written.
#[derive(Debug)]
pub(crate) enum Upgrade {
    /// From hyper.
    Hyper(OnUpgrade),
    /// From our own server, where it has answered without hyper.
    Direct(oneshot::Receiver<Rewound>),
}

/// A connection's stream, and what of it the HTTP server had read too far.
pub(crate) struct Stream {
    pub(crate) read: ReadHalf,
    pub(crate) write: WriteHalf,
    pub(crate) early: Bytes,
}

impl Upgrade {
    /// Waits for the stream. It must not be called again once it is ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        Poll::Ready(Ok(match self {
            Self::Direct(coming) => {
                let stream = ready!(Pin::new(coming).poll(cx)).map_err(io::Error::other)?;
                Stream::tcp(&[], stream)
            }
            Self::Hyper(coming) => {
                let upgraded = ready!(Pin::new(coming).poll(cx)).map_err(io::Error::other)?;
                match upgraded.downcast::<TokioIo<Guarded<Rewound>>>() {
                    Ok(parts) => {
                        let (ahead, mut stream) = parts.io.into_inner().into_parts();
                        stream.rewind(&ahead);
                        Stream::tcp(&parts.read_buf, stream)
                    }
                    Err(upgraded) => Stream::other(upgraded),
                }
            }
        }))
    }
}

impl Stream {
    fn tcp(read: &[u8], stream: Rewound) -> Self {
        let (unread, stream) = stream.into_parts();
        let early = if read.is_empty() {
            unread
        } else {
            // A copy: even an empty slice would keep the HTTP server's whole buffer.
            [read, &unread].concat().into()
        };
        let (read, write) = stream.into_split();
        Self {
            read: ReadHalf::Tcp(read),
            write: WriteHalf::Tcp(write),
            early,
        }
    }

    fn other(upgraded: hyper::upgrade::Upgraded) -> Self {
        let (read, write) = tokio::io::split(TokioIo::new(upgraded));
        Self {
            read: ReadHalf::Other(Box::new(read)),
            write: WriteHalf::Other(Box::new(write)),
            early: Bytes::new(),
        }
    }
}
