//! Handshakes that are answered without hyper: when thousands of clients come back at once, a
//! third of what they cost is the making and unmaking of a server for one request each.

use std::future::poll_fn;
use std::io::{self, Write as _};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{StatusCode, header};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};

use super::head;
use crate::app::{Answering, Response, with_valid_status};
use crate::limits::Limits;
use crate::routing::ProtocolTypeRouter;
use crate::scope::ConnectInfo;
use crate::transport::{HalfClosed, Rewound, Upgrade};

/// How long a head may be here, and how much may be read behind it.
const READ: usize = 4096;

/// What is left to hyper.
pub(super) struct Rest {
    /// From its first byte.
    pub(super) stream: Rewound,
    /// The answer to the first request, where it has one: a refusal.
    pub(super) refusal: Option<Response>,
}

/// A handshake whose head came with the first read.
struct Opening<'a> {
    answering: Answering<'a>,
    /// Where the stream goes to.
    accepted: oneshot::Sender<Rewound>,
    /// How long the head is.
    length: usize,
    /// What came behind the head, with it or later.
    early: Bytes,
    /// Whether the client expects a 100 before the 101.
    expects_continue: bool,
    /// Set once the client has closed its side. It may still wait for the answer.
    half_closed: Option<HalfClosed>,
    grace: Duration,
}

/// Precedes the 101 of a client that sent `Expect: 100-continue` (RFC 9110 §7.8, §10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Answers a handshake whose head comes in one piece. None once nothing is left to do.
pub(super) async fn answer(
    mut stream: TcpStream,
    app: &ProtocolTypeRouter,
    info: &ConnectInfo,
    stop: &mut watch::Receiver<()>,
) -> Option<Rest> {
    let first = read_first(&mut stream, app.context().limits(), stop).await?;
    let Some(mut opening) = open(&first, app, info) else {
        return Some(Rest {
            stream: Rewound::new(first, stream),
            refusal: None,
        });
    };
    let Some(response) = poll_fn(|cx| opening.poll(&mut stream, cx)).await else {
        tracing::debug!("client disconnected before its handshake was answered");
        return None;
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let read = [&first[..opening.length], &opening.early].concat();
        return Some(Rest {
            stream: Rewound::new(read.into(), stream),
            refusal: Some(with_valid_status(response)),
        });
    }
    let interim = if opening.expects_continue {
        CONTINUE
    } else {
        b""
    };
    let encoded = encode(interim, &response);
    let written = stream.write_all(&encoded);
    match tokio::time::timeout(app.context().limits().handshake_timeout, written).await {
        Ok(Ok(())) => drop(opening.accepted.send(Rewound::new(opening.early, stream))),
        Ok(Err(error)) => tracing::debug!(%error, "client disconnected before its 101"),
        Err(_) => tracing::debug!("client did not read its 101, disconnected"),
    }
    None
}

/// Waits for the first bytes of a connection. None if they do not come in time.
///
/// The end of the stream, an error and the stop are nothing read: hyper meets them again.
async fn read_first(
    stream: &mut TcpStream,
    limits: &Limits,
    stop: &mut watch::Receiver<()>,
) -> Option<Bytes> {
    tokio::select! {
        biased;
        read = poll_fn(|cx| poll_read(stream, cx)) => Some(read.unwrap_or_default()),
        _ = stop.changed() => {
            stop.mark_changed();
            Some(Bytes::new())
        }
        () = tokio::time::sleep(limits.handshake_timeout) => {
            tracing::debug!("a client sent nothing in time");
            None
        }
    }
}

fn open<'a>(first: &Bytes, app: &'a ProtocolTypeRouter, info: &ConnectInfo) -> Option<Opening<'a>> {
    let (mut request, length) = head::read(first)?;
    let expects_continue = request.headers().contains_key(header::EXPECT);
    request.extensions_mut().insert(info.clone());
    let (accepted, coming) = oneshot::channel();
    Some(Opening {
        answering: app.shake_hands(request, Upgrade::Direct(coming))?,
        accepted,
        length,
        // A copy: even an empty slice would keep the head.
        early: Bytes::copy_from_slice(&first[length..]),
        expects_continue,
        half_closed: None,
        grace: app.context().limits().grace,
    })
}

impl Opening<'_> {
    /// Waits for the answer. None if the client is gone before: it has reset the connection, or has
    /// closed its side and got no answer within the grace period.
    fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<Option<Response>> {
        if self.early.is_empty()
            && self.half_closed.is_none()
            && let Poll::Ready(read) = poll_read(stream, cx)
        {
            match read {
                Ok(bytes) if !bytes.is_empty() => self.early = bytes,
                Ok(_) => self.half_closed = Some(HalfClosed::new(self.grace)),
                Err(_) => return Poll::Ready(None),
            }
        }
        if let Poll::Ready(response) = self.answering.as_mut().poll(cx) {
            return Poll::Ready(Some(response));
        }
        let Some(half_closed) = &mut self.half_closed else {
            return Poll::Pending;
        };
        let pending_error = || stream.take_error().ok().flatten();
        half_closed.poll_gone(cx, pending_error).map(|_| None)
    }
}

/// Reads once. Nothing read is the end.
fn poll_read(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let mut buffer = [MaybeUninit::uninit(); READ];
    let mut buffer = ReadBuf::uninit(&mut buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(Bytes::copy_from_slice(buffer.filled())))
}

/// A 101 as hyper writes it, after an interim response.
fn encode(interim: &[u8], response: &Response) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(interim);
    out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in response.headers() {
        match *name {
            // RFC 9110 §8.6, RFC 9112 §6.1: there is no body to describe.
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::TRAILER => continue,
            _ => {}
        }
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !response.headers().contains_key(header::DATE) {
        let date = httpdate::HttpDate::from(SystemTime::now());
        // Writing to a vector cannot fail.
        let _ = write!(out, "date: {date}\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}
