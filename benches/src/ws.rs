//! As much of RFC 6455 as a load generator and the floor need, without a copy where none is due.

use std::net::SocketAddr;

use anyhow::{Result, bail, ensure};

/// The key that every client of the benchmark sends.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The answer to [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A mask without a zero byte, so that a server that skips unmasking is caught.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A text frame.
pub const TEXT: u8 = 1;
/// A binary frame.
pub const BINARY: u8 = 2;
/// A close frame.
pub const CLOSE: u8 = 8;
/// A ping.
pub const PING: u8 = 9;
/// A pong.
pub const PONG: u8 = 10;

/// The longest header of a server's frame.
pub const MAX_SERVER_HEADER: usize = 10;

/// A client's handshake.
pub fn request(host: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// The header of a whole, unmasked frame, and its length.
pub fn server_header(opcode: u8, len: usize) -> ([u8; MAX_SERVER_HEADER], usize) {
    let mut header = [0; MAX_SERVER_HEADER];
    header[0] = 0x80 | opcode;
    match len {
        0..=125 => {
            header[1] = len as u8;
            (header, 2)
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            (header, 4)
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            (header, 10)
        }
    }
}

/// A whole frame as a client sends it, masked.
pub fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let (header, len) = server_header(opcode, payload.len());
    let mut frame = header[..len].to_vec();
    frame[1] |= 0x80;
    frame.extend_from_slice(&MASK);
    let start = frame.len();
    frame.extend_from_slice(payload);
    unmask(&mut frame[start..], MASK);
    frame
}

/// Masks or unmasks a payload that begins at the mask's first byte.
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Text, binary, close, ping or pong.
    pub opcode: u8,
    /// The mask of a client's frame.
    pub mask: Option<[u8; 4]>,
    /// How many bytes the header has.
    pub header: usize,
    /// How many bytes the payload has.
    pub payload: usize,
}

impl Head {
    /// Reads a frame's head; `None` if it is not whole yet.
    ///
    /// # Errors
    ///
    /// For a frame in pieces: none of the peers sends such, and counting them would be wrong.
    pub fn parse(data: &[u8]) -> Result<Option<Self>> {
        let [first, second, rest @ ..] = data else {
            return Ok(None);
        };
        ensure!(first & 0x80 != 0, "a message in several frames");
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & 0x80 != 0;
        let header = 2 + extended + if masked { 4 } else { 0 };
        if data.len() < header {
            return Ok(None);
        }
        let payload = match extended {
            0 => u64::from(second & 0x7f),
            _ => rest[..extended]
                .iter()
                .fold(0, |len, &byte| len << 8 | u64::from(byte)),
        };
        if payload > 1 << 30 {
            bail!("a frame of {payload} bytes");
        }
        let mask = masked.then(|| [0, 1, 2, 3].map(|at| rest[extended + at]));
        Ok(Some(Self {
            opcode: first & 0x0f,
            mask,
            header,
            payload: payload as usize,
        }))
    }

    /// How many bytes the frame has.
    pub fn len(&self) -> usize {
        self.header + self.payload
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.payload == 0
    }
}

/// Cuts a stream into whole frames; keeps only what is incomplete, and nothing in between.
#[derive(Debug, Default)]
pub struct Inbox {
    partial: Vec<u8>,
}

impl Inbox {
    /// Gives each whole frame to `each`, in place where it arrived at once.
    ///
    /// # Errors
    ///
    /// What [`Head::parse`] refuses, and what `each` fails with.
    pub fn feed(
        &mut self,
        mut data: &mut [u8],
        mut each: impl FnMut(Head, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        while !self.partial.is_empty() && !data.is_empty() {
            let head = Head::parse(&self.partial)?;
            let wanted = match head {
                Some(head) => head.len() - self.partial.len(),
                None => 1,
            };
            let (taken, rest) = data.split_at_mut(wanted.min(data.len()));
            self.partial.extend_from_slice(taken);
            data = rest;
            if let Some(head) = Head::parse(&self.partial)?
                && self.partial.len() == head.len()
            {
                let mut whole = std::mem::take(&mut self.partial);
                each(head, &mut whole)?;
            }
        }
        while let Some(head) = Head::parse(data)?
            && data.len() >= head.len()
        {
            let (frame, rest) = data.split_at_mut(head.len());
            each(head, frame)?;
            data = rest;
        }
        if !data.is_empty() {
            if let Some(head) = Head::parse(data)? {
                self.partial.reserve_exact(head.len());
            }
            self.partial.extend_from_slice(data);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut() -> Result<()> {
        for len in [0, 1, 7, 125, 126, 1000, 65535, 65536] {
            let payload: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut stream = client_frame(BINARY, &payload);
            stream.extend(client_frame(TEXT, b"hello"));
            for cut in [1, 2, 3, 7, 4096, stream.len()] {
                let mut inbox = Inbox::default();
                let mut seen = Vec::new();
                for part in stream.clone().chunks_mut(cut) {
                    inbox.feed(part, |head, frame| {
                        let payload = &mut frame[head.header..];
                        if let Some(mask) = head.mask {
                            unmask(payload, mask);
                        }
                        seen.push((head.opcode, payload.to_vec()));
                        Ok(())
                    })?;
                }
                assert_eq!(seen, [(BINARY, payload.clone()), (TEXT, b"hello".to_vec())]);
            }
        }
        Ok(())
    }

    #[test]
    fn headers_are_those_of_the_rfc() {
        assert_eq!(server_header(TEXT, 5).0[..2], [0x81, 5]);
        assert_eq!(server_header(TEXT, 126).0[..4], [0x81, 126, 0, 126]);
        assert_eq!(
            server_header(BINARY, 65536).0,
            [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }
}
