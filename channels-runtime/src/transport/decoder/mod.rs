//! Messages out of bytes (RFC 6455 §5), read through a buffer that all connections of a thread
//! share: an idle connection holds none.

mod header;
mod partial;

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use self::header::Header;
use self::partial::Partial;
use super::io::{ReadHalf, poll_some};
use super::{Text, close};
use crate::limits::Limits;
use crate::{CloseCode, CloseFrame, Message};

/// How much one read takes. It is zeroed once a thread, not once a read.
const READ_BUFFER: usize = 64 * 1024;

/// How much of a payload must be missing to be read where it will lie, without a copy.
const DIRECT: usize = 16 * 1024;

/// Frames that are decoded for one connection before other tasks run. Frames are counted, not
/// reads: one read may hold ten thousand empty ones.
const TURN_FRAMES: u32 = 256;

/// Bytes that are read for one connection before other tasks run.
const TURN_BYTES: usize = 256 * 1024;

/// The longest payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL: usize = 125;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER].into());
}

/// The state of one connection's inbound bytes.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// What was read and not decoded yet.
    unread: Bytes,
    /// A frame whose payload is still coming.
    frame: Option<Box<Partial>>,
    /// A message whose last frame is still coming.
    message: Option<Box<Fragments>>,
    max_message: usize,
    max_frame: usize,
    max_frames: usize,
    /// Frames and bytes that are left of the connection's turn.
    turn_frames: u32,
    turn_bytes: usize,
    /// Bytes that were read since they were asked for last.
    received: usize,
}

/// What came from the peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Message(Message),
    /// A ping, and what its pong has to hold.
    Ping(Bytes),
    Pong,
    /// A close frame; `None` if it had no code.
    Close(Option<CloseFrame>),
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The stream ended or failed without a close frame.
    Lost(io::Error),
    /// The peer did something for which it gets a close code.
    Refused(CloseFrame),
}

#[derive(Debug)]
struct Fragments {
    kind: Data,
    payload: Vec<u8>,
    /// Frames so far.
    frames: usize,
}

impl Decoder {
    /// A decoder for a connection whose first bytes may have come already.
    pub(crate) fn new(limits: &Limits, early: Bytes) -> Self {
        Self {
            unread: early,
            frame: None,
            message: None,
            max_message: limits.longest_message(),
            max_frame: limits.frame_bytes,
            max_frames: limits.most_frames(),
            turn_frames: TURN_FRAMES,
            turn_bytes: TURN_BYTES,
            received: 0,
        }
    }

    /// Begins a turn of the connection's task: as much may be decoded as in any other.
    #[inline]
    pub(crate) fn begin_turn(&mut self) {
        self.turn_frames = TURN_FRAMES;
        self.turn_bytes = TURN_BYTES;
    }

    /// Bytes that were read since the last call.
    #[inline]
    pub(crate) fn take_received(&mut self) -> usize {
        std::mem::take(&mut self.received)
    }

    /// Memory that an incomplete message takes, in bytes, and what was read ahead.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        let frame = self
            .frame
            .as_ref()
            .map_or(0, |frame| frame.payload.capacity());
        let message = self
            .message
            .as_ref()
            .map_or(0, |message| message.payload.capacity());
        self.unread.len() + frame + message
    }

    /// Whether part of a message has come.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.frame.is_some() || self.message.is_some()
    }

    /// Whether nothing is left of what was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// Reads until something has come as a whole. After an error it must not be called again.
    ///
    /// Cancel safe: what was read stays here.
    pub(crate) fn poll_next(
        &mut self,
        io: &mut ReadHalf,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Incoming, ReadError>> {
        if let Some(incoming) = self.decode_unread()? {
            return Poll::Ready(Ok(incoming));
        }
        while self.turn_frames > 0 && self.turn_bytes > 0 {
            let decoded = match &mut self.frame {
                Some(frame) if frame.missing() >= DIRECT => {
                    let polled = frame.poll_append(io, cx, self.turn_bytes);
                    let read = ready!(polled).map_err(ReadError::Lost)?;
                    self.count_read(read);
                    self.finish_if_whole()?
                }
                _ => ready!(self.poll_buffer(io, cx))?,
            };
            if let Some(incoming) = decoded {
                return Poll::Ready(Ok(incoming));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn count_read(&mut self, bytes: usize) {
        self.turn_bytes = self.turn_bytes.saturating_sub(bytes);
        self.received = self.received.saturating_add(bytes);
    }

    /// Decodes what an earlier read left.
    fn decode_unread(&mut self) -> Result<Option<Incoming>, ReadError> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        let mut unread = std::mem::take(&mut self.unread);
        let mut rest = &unread[..];
        let decoded = self.decode(&mut rest)?;
        let decoded_bytes = unread.len() - rest.len();
        if decoded_bytes < unread.len() {
            unread.advance(decoded_bytes);
            self.unread = unread;
        }
        Ok(decoded)
    }

    /// Reads once through the thread's buffer and decodes; what is left of it is kept. The turn is not
    /// over, so what an earlier read left is less than a header, and there is room to read.
    fn poll_buffer(
        &mut self,
        io: &mut ReadHalf,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Incoming>, ReadError>> {
        BUFFER.with_borrow_mut(|buffer| {
            let kept = self.unread.len();
            buffer[..kept].copy_from_slice(&self.unread);
            let read = poll_some(io.poll_read(cx, &mut buffer[kept..]));
            let read = ready!(read).map_err(ReadError::Lost)?;
            self.count_read(read);
            self.unread = Bytes::new();
            let mut rest = &buffer[..kept + read];
            let decoded = self.decode(&mut rest)?;
            if !rest.is_empty() {
                self.unread = Bytes::copy_from_slice(rest);
            }
            Poll::Ready(Ok(decoded))
        })
    }

    /// Takes frames off the input until something is whole, or the turn is over. What is left in the end,
    /// if neither is so, is less than a header.
    fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, ReadError> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => *frame,
                None => match self.begin(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let (payload, rest) = input.split_at(frame.missing().min(input.len()));
            frame.append(payload);
            *input = rest;
            if frame.missing() > 0 {
                self.frame = Some(Box::new(frame));
                return Ok(None);
            }
            if let Some(incoming) = self.finish(frame)? {
                return Ok(Some(incoming));
            }
        }
    }

    /// Reads a header, and takes it off the input; `None` if it has not come as a whole.
    fn begin(&mut self, input: &mut &[u8]) -> Result<Option<Partial>, ReadError> {
        if self.turn_frames == 0 {
            return Ok(None);
        }
        let Some(header) = Header::take(input) else {
            return Ok(None);
        };
        self.turn_frames -= 1;
        if let OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) =
            header.opcode
        {
            return Err(refused("no such opcode"));
        }
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        if length > self.max_frame {
            return Err(too_big());
        }
        let Some(mask) = header.mask else {
            return Err(refused("frames of a client are masked"));
        };
        if header.is_extended {
            return Err(refused("no extension was negotiated"));
        }
        let before = self.payload_before(&header, length)?;
        let end = before.len().saturating_add(length);
        if end > self.max_message {
            return Err(too_big());
        }
        Ok(Some(Partial {
            opcode: header.opcode,
            is_final: header.is_final,
            mask,
            start: before.len(),
            payload: before,
            end,
        }))
    }

    /// What the message has already, and whether the frame may follow it (RFC 6455 §5.4, §5.5).
    fn payload_before(&mut self, header: &Header, length: usize) -> Result<Vec<u8>, ReadError> {
        match header.opcode {
            OpCode::Control(_) if length > MAX_CONTROL || !header.is_final => {
                Err(refused("a control frame is short and whole"))
            }
            OpCode::Data(Data::Continue) => match &mut self.message {
                Some(message) => Ok(std::mem::take(&mut message.payload)),
                None => Err(refused("nothing to continue")),
            },
            OpCode::Data(_) if self.message.is_some() => {
                Err(refused("the message before is not complete"))
            }
            OpCode::Control(_) | OpCode::Data(_) => Ok(Vec::new()),
        }
    }

    fn finish_if_whole(&mut self) -> Result<Option<Incoming>, ReadError> {
        match self.frame.take_if(|frame| frame.missing() == 0) {
            Some(frame) => self.finish(*frame),
            None => Ok(None),
        }
    }

    /// A frame has come as a whole; so has a message with its last frame.
    fn finish(&mut self, frame: Partial) -> Result<Option<Incoming>, ReadError> {
        let (kind, frames) = match frame.opcode {
            OpCode::Control(Control::Ping) => {
                return Ok(Some(Incoming::Ping(frame.payload.into())));
            }
            OpCode::Control(Control::Pong) => return Ok(Some(Incoming::Pong)),
            OpCode::Control(_) => {
                let close = close::parse(&frame.payload).map_err(ReadError::Refused)?;
                return Ok(Some(Incoming::Close(close)));
            }
            OpCode::Data(Data::Continue) => match self.message.take() {
                Some(message) => (message.kind, message.frames + 1),
                None => return Err(refused("nothing to continue")),
            },
            OpCode::Data(kind) => (kind, 1),
        };
        if frames > self.max_frames {
            return Err(too_many_frames());
        }
        if !frame.is_final {
            self.message = Some(Box::new(Fragments {
                kind,
                payload: frame.payload,
                frames,
            }));
            return Ok(None);
        }
        let payload = Bytes::from(frame.payload);
        Ok(Some(Incoming::Message(match kind {
            Data::Text => Message::Text(Text::from_wire(
                Utf8Bytes::try_from(payload).map_err(|_| not_utf8())?,
            )),
            _ => Message::Binary(payload),
        })))
    }
}

#[cold]
fn refused(why: &'static str) -> ReadError {
    ReadError::Refused(CloseFrame::new(CloseCode::PROTOCOL_ERROR, why))
}

#[cold]
fn too_big() -> ReadError {
    ReadError::Refused(CloseFrame::new(
        CloseCode::MESSAGE_TOO_BIG,
        "message too big",
    ))
}

#[cold]
fn too_many_frames() -> ReadError {
    ReadError::Refused(CloseFrame::new(
        CloseCode::MESSAGE_TOO_BIG,
        "too many frames in one message",
    ))
}

#[cold]
fn not_utf8() -> ReadError {
    ReadError::Refused(CloseFrame::new(
        CloseCode::INVALID_PAYLOAD,
        "text is not UTF-8",
    ))
}

#[cfg(test)]
mod tests;
