//! A frame as a server sends it: not masked, so one encoding serves every receiver.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::close;
use crate::{CloseFrame, Message};

/// The longest header of a frame that is not masked: two bytes and a length of eight.
const MAX_HEADER: usize = 10;

/// Memory that a queued frame takes in addition to its payload, in bytes: its place in a queue that
/// doubles when it grows, and what the allocator and the shared payload need.
const BOOKKEEPING: usize = 2 * size_of::<Frame>() + 32;

/// One message in one frame, ready to be written; clones share the payload.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    header: [u8; MAX_HEADER],
    header_len: u8,
    payload: Bytes,
}

impl From<Message> for Frame {
    fn from(message: Message) -> Self {
        let opcode = match message {
            Message::Text(_) => OpCode::Data(Data::Text),
            Message::Binary(_) => OpCode::Data(Data::Binary),
        };
        Self::encode(opcode, message.into_bytes())
    }
}

impl Frame {
    /// A ping without a payload.
    pub(crate) fn ping() -> Self {
        Self::encode(OpCode::Control(Control::Ping), Bytes::new())
    }

    /// The answer to a ping.
    pub(crate) fn pong(payload: Bytes) -> Self {
        Self::encode(OpCode::Control(Control::Pong), payload)
    }

    /// A close frame; one that has no code says so by having no payload.
    pub(crate) fn close(frame: &CloseFrame) -> Self {
        let payload = close::payload(frame).into();
        Self::encode(OpCode::Control(Control::Close), payload)
    }

    /// The same frame in one piece, for those that are written many times.
    pub(crate) fn joined(self) -> Self {
        let joined = [self.header(), self.payload()].concat();
        Self {
            header: [0; MAX_HEADER],
            header_len: 0,
            payload: joined.into(),
        }
    }

    /// RFC 6455 §5.2, for a frame that is the last of its message and not masked.
    fn encode(opcode: OpCode, payload: Bytes) -> Self {
        let mut header = [0; MAX_HEADER];
        header[0] = 0x80 | u8::from(opcode);
        let length = payload.len();
        let header_len = if let Ok(short @ 0..=125) = u8::try_from(length) {
            header[1] = short;
            2
        } else if let Ok(medium) = u16::try_from(length) {
            header[1] = 126;
            header[2..4].copy_from_slice(&medium.to_be_bytes());
            4
        } else {
            header[1] = 127;
            header[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        };
        Self {
            header,
            header_len,
            payload,
        }
    }

    pub(crate) fn header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Memory that the frame takes while it is queued, in bytes.
    #[inline]
    pub(crate) fn cost(&self) -> usize {
        BOOKKEEPING + self.payload.len()
    }

    /// How many bytes go over the wire.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.header_len) + self.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseCode;

    #[test]
    fn headers_are_those_of_the_rfc() {
        let cases: [(Message, &[u8]); 5] = [
            ("Hello".into(), &[0x81, 5]),
            (Vec::new().into(), &[0x82, 0]),
            ("x".repeat(125).into(), &[0x81, 125]),
            ("x".repeat(126).into(), &[0x81, 126, 0, 126]),
            (vec![0; 65536].into(), &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ];
        for (message, header) in cases {
            let len = message.len();
            let frame = Frame::from(message);
            assert_eq!(frame.header(), header);
            assert_eq!(frame.len(), header.len() + len);
        }
        assert_eq!(Frame::ping().header(), [0x89, 0]);
        let close = CloseFrame::new(CloseCode::NORMAL, "bye");
        assert_eq!(
            Frame::close(&close).joined().payload(),
            b"\x88\x05\x03\xe8bye"
        );
    }
}
