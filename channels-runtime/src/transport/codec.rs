//! Messages out of bytes: tungstenite's protocol engine, fed by a stream that we own.
//!
//! The engine reads. Its own output, pongs and close frames, is collected and written by the
//! connection between its frames, so that one place orders and bounds all that is written.

use std::io::{self, Read, Write};
use std::mem;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame as WsClose;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use super::{Frame, Io, Text};
use crate::{CloseCode, CloseFrame, Message};

/// How much is read at once. The engine zero-fills this much before each read.
const READ_BUFFER: usize = 4096;

/// The protocol state of one connection.
#[derive(Debug)]
pub(crate) struct Codec {
    engine: WebSocketContext,
    /// What the HTTP server read beyond the handshake, until it is consumed.
    early: Bytes,
    /// Pongs and close frames that wait to be written.
    control: Vec<u8>,
}

/// What came from the peer.
#[derive(Debug)]
pub(crate) enum Incoming {
    Message(Message),
    /// A ping, answered by now, or a pong.
    Control,
    /// A close frame, answered by now; `None` if it had no code.
    Close(Option<CloseFrame>),
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The closing handshake is complete.
    Closed,
    /// The stream ended or failed without one.
    Lost(io::Error),
    /// The peer did something for which it gets a close code.
    Refused(CloseFrame),
}

impl Codec {
    pub(crate) fn new(max_message: usize, max_frame: usize, early: Bytes) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_frame));
        let engine = WebSocketContext::new(Role::Server, Some(config));
        Self {
            engine,
            early,
            control: Vec::new(),
        }
    }

    /// Reads until there is a message, or something else to tell.
    pub(crate) fn poll_read(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Incoming, ReadError>> {
        let mut stream = Adapter {
            io,
            cx,
            early: &mut self.early,
            control: &mut self.control,
        };
        let read = ready!(would_block(self.engine.read(&mut stream)));
        Poll::Ready(match read {
            Ok(tungstenite::Message::Text(text)) => {
                Ok(Incoming::Message(Message::Text(Text::from_wire(text))))
            }
            Ok(tungstenite::Message::Binary(bytes)) => {
                Ok(Incoming::Message(Message::Binary(bytes)))
            }
            Ok(tungstenite::Message::Close(frame)) => {
                Ok(Incoming::Close(frame.as_ref().map(received)))
            }
            Ok(_) => Ok(Incoming::Control),
            Err(error) => Err(read_error(error)),
        })
    }

    /// Says that we close. Nothing happens if a close frame was sent already.
    pub(crate) fn close(&mut self, frame: &CloseFrame) {
        let frame = WsClose {
            code: u16::from(frame.code).into(),
            reason: frame.reason.as_ref().into(),
        };
        let mut stream = Sink(&mut self.control);
        // The sink takes all, so this fails only where the engine is closed already.
        if let Err(error) = self.engine.close(&mut stream, Some(frame)) {
            tracing::trace!(%error, "the close frame was not needed");
        }
    }

    /// Writes what the engine still holds back, a pong or a close frame, into the control frames.
    pub(crate) fn take_control(&mut self) -> Option<Frame> {
        // Fails only where the closing handshake is complete, after it has written its part.
        let _complete = self.engine.flush(&mut Sink(&mut self.control));
        (!self.control.is_empty()).then(|| Frame::encoded(mem::take(&mut self.control)))
    }
}

fn received(frame: &WsClose) -> CloseFrame {
    CloseFrame {
        code: CloseCode::received(frame.code.into()),
        reason: frame.reason.as_str().to_owned().into(),
    }
}

fn would_block<T>(result: Result<T, WsError>) -> Poll<Result<T, WsError>> {
    match result {
        Err(WsError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// What the peer gets for it (RFC 6455 §7.4.1).
fn read_error(error: WsError) -> ReadError {
    let refused = |code, reason: &'static str| ReadError::Refused(CloseFrame::new(code, reason));
    match error {
        WsError::ConnectionClosed | WsError::AlreadyClosed => ReadError::Closed,
        WsError::Io(error) => ReadError::Lost(error),
        WsError::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            ReadError::Lost(io::ErrorKind::UnexpectedEof.into())
        }
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => {
            refused(CloseCode::MESSAGE_TOO_BIG, "message too big")
        }
        WsError::Utf8(_) => refused(CloseCode::INVALID_PAYLOAD, "text is not UTF-8"),
        _ => refused(CloseCode::PROTOCOL_ERROR, "protocol error"),
    }
}

/// The connection's stream as the engine wants it: reads that may block, writes that never do.
struct Adapter<'a, 'cx> {
    io: &'a mut Io,
    cx: &'a mut Context<'cx>,
    early: &'a mut Bytes,
    control: &'a mut Vec<u8>,
}

impl Read for Adapter<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.early.is_empty() {
            let early = self.early.split_to(self.early.len().min(buffer.len()));
            buffer[..early.len()].copy_from_slice(&early);
            return Ok(early.len());
        }
        match self.io.poll_read(self.cx, buffer) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Adapter<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.control.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that takes what is written and has nothing to read.
struct Sink<'a>(&'a mut Vec<u8>);

impl Read for Sink<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
