//! The header of a frame (RFC 6455 §5.2).

use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

pub(super) struct Header {
    pub(super) opcode: OpCode,
    pub(super) is_final: bool,
    /// Whether bits are set that are for extensions.
    pub(super) is_extended: bool,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) length: u64,
}

impl Header {
    /// Takes a header off the input; `None`, and nothing is taken, if it has not come as a whole.
    pub(super) fn take(input: &mut &[u8]) -> Option<Self> {
        let mut rest = *input;
        let [first, second] = take(&mut rest)?;
        let length = match second & 0x7f {
            126 => u16::from_be_bytes(take(&mut rest)?).into(),
            127 => u64::from_be_bytes(take(&mut rest)?),
            short => short.into(),
        };
        let mask = match second & 0x80 {
            0 => None,
            _ => Some(take(&mut rest)?),
        };
        *input = rest;
        Some(Self {
            opcode: (first & 0x0f).into(),
            is_final: first & 0x80 != 0,
            is_extended: first & 0x70 != 0,
            mask,
            length,
        })
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}
