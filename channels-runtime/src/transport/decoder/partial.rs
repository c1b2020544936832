//! The payload of one frame, as it comes in.

use std::io;
use std::task::{Context, Poll, ready};

use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

use super::READ_BUFFER;
use crate::transport::io::{ReadHalf, poll_some};

/// A frame whose payload has not come in as a whole.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) opcode: OpCode,
    pub(super) is_final: bool,
    pub(super) mask: [u8; 4],
    /// The payload so far, unmasked, behind that of the message's earlier frames.
    pub(super) payload: Vec<u8>,
    /// How long `payload` is in the end.
    pub(super) end: usize,
    /// Where in `payload` this frame begins.
    pub(super) start: usize,
}

impl Partial {
    pub(super) fn missing(&self) -> usize {
        self.end - self.payload.len()
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.reserve();
        let at = self.payload.len();
        self.payload.extend_from_slice(bytes);
        self.unmask_from(at);
    }

    /// Reads at most so many bytes to where they will lie. Returns how many.
    pub(super) fn poll_append(
        &mut self,
        io: &mut ReadHalf,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        self.reserve();
        let at = self.payload.len();
        let most = self.missing().min(most);
        let read = ready!(poll_some(io.poll_append(cx, &mut self.payload, most)))?;
        self.unmask_from(at);
        Poll::Ready(Ok(read))
    }

    /// Makes room for a whole payload, but not for one that was only announced: a large one has
    /// to begin to come.
    fn reserve(&mut self) {
        let length = self.end - self.start;
        if self.payload.capacity() == 0 && length <= READ_BUFFER {
            self.payload = Vec::with_capacity(length);
            return;
        }
        let here = self.payload.len() - self.start;
        if length <= READ_BUFFER {
            self.payload.reserve(self.missing());
        } else if here >= READ_BUFFER {
            // Doubles by itself: the vector would go beyond the end.
            if self.payload.len() == self.payload.capacity() {
                self.payload.reserve_exact(self.missing().min(here));
            }
        } else if here == 0 {
            self.payload.reserve(READ_BUFFER);
        }
    }

    /// Unmasks what was appended at a place (RFC 6455 §5.3).
    fn unmask_from(&mut self, at: usize) {
        #[expect(clippy::cast_possible_truncation, reason = "at most 3")]
        let turned = 8 * ((at - self.start) % 4) as u32;
        let mask = u64::from(u32::from_le_bytes(self.mask).rotate_right(turned));
        let word = (mask << 32 | mask).to_le_bytes();
        let (words, rest) = self.payload[at..].as_chunks_mut::<8>();
        for bytes in words {
            *bytes = (u64::from_ne_bytes(*bytes) ^ u64::from_ne_bytes(word)).to_ne_bytes();
        }
        for (byte, mask) in rest.iter_mut().zip(word) {
            *byte ^= mask;
        }
    }
}
