//! Against the engine of tungstenite, which reads the same bytes in its own way.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use super::*;

const MAX_MESSAGE: usize = 300;
const MAX_FRAME: usize = 200;

fn limits() -> Limits {
    Limits {
        message_bytes: MAX_MESSAGE,
        frame_bytes: MAX_FRAME,
        ..Limits::default()
    }
}

/// What came of some bytes: the messages and pings, then how it ended.
#[derive(Debug, PartialEq)]
enum Told {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    Refused(u16),
}

/// Feeds the decoder pieces, as reads of these lengths would.
fn decoded(pieces: &[&[u8]]) -> Vec<Told> {
    let mut decoder = Decoder::new(&limits(), Bytes::new());
    let mut told = Vec::new();
    let mut kept = Vec::new();
    for piece in pieces {
        kept.extend_from_slice(piece);
        let mut rest = &kept[..];
        loop {
            match decoder.decode(&mut rest) {
                Ok(None) => break,
                Ok(Some(incoming)) => told.push(match incoming {
                    Incoming::Message(Message::Text(text)) => Told::Text(text.as_str().to_owned()),
                    Incoming::Message(Message::Binary(bytes)) => Told::Binary(bytes.to_vec()),
                    Incoming::Ping(payload) => Told::Ping(payload.to_vec()),
                    Incoming::Pong => Told::Pong,
                    Incoming::Close(frame) => {
                        told.push(Told::Close(frame.map(|frame| frame.code.into())));
                        return told;
                    }
                }),
                Err(ReadError::Refused(frame)) => {
                    told.push(Told::Refused(frame.code.into()));
                    return told;
                }
                Err(ReadError::Lost(error)) => unreachable!("nothing is read here: {error}"),
            }
        }
        assert!(rest.len() < 14, "only part of a header is left");
        kept = rest.to_vec();
    }
    told
}

/// Lets tungstenite read the same bytes.
fn expected(bytes: &[u8]) -> Vec<Told> {
    struct Stream<'a>(&'a [u8]);
    impl Read for Stream<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                read => Ok(read),
            }
        }
    }
    impl Write for Stream<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_FRAME));
    let mut engine = WebSocketContext::new(Role::Server, Some(config));
    let mut stream = Stream(bytes);
    let mut told = Vec::new();
    loop {
        use tungstenite::{Error, Message};
        told.push(match engine.read(&mut stream) {
            Ok(Message::Text(text)) => Told::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => Told::Binary(bytes.to_vec()),
            Ok(Message::Ping(payload)) => Told::Ping(payload.to_vec()),
            Ok(Message::Pong(_)) => Told::Pong,
            Ok(Message::Close(frame)) => {
                // It tells of a forbidden code as of its own answer to it.
                let code = frame.map(|frame| u16::from(frame.code));
                let close = if code == Some(1002) {
                    Told::Refused(1002)
                } else {
                    Told::Close(code)
                };
                told.push(close);
                return told;
            }
            Ok(Message::Frame(_)) => continue,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return told,
            Err(error) => {
                told.push(Told::Refused(match error {
                    Error::Capacity(_) => 1009,
                    Error::Utf8(_) => 1007,
                    _ => 1002,
                }));
                return told;
            }
        });
    }
}

#[derive(Clone, Debug)]
struct Sent {
    first: u8,
    masked: bool,
    /// Whether its length has 64 bits, more than it needs.
    is_long: bool,
    payload: Vec<u8>,
}

impl Sent {
    fn encode(&self) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = vec![self.first];
        let bit = if self.masked { 0x80 } else { 0 };
        let length = self.payload.len();
        if self.is_long {
            bytes.push(bit | 0x7f);
            bytes.extend((length as u64).to_be_bytes());
        } else if let Ok(short @ 0..=125) = u8::try_from(length) {
            bytes.push(bit | short);
        } else {
            bytes.push(bit | 0x7e);
            let length = u16::try_from(length).expect("a short payload");
            bytes.extend(length.to_be_bytes());
        }
        if self.masked {
            bytes.extend(mask);
        }
        let payload = self.payload.iter().zip(mask.iter().cycle());
        bytes.extend(payload.map(|(byte, mask)| if self.masked { byte ^ mask } else { *byte }));
        bytes
    }
}

/// Mostly what the protocol allows, and everything that it does not.
fn sent() -> impl Strategy<Value = Sent> {
    let opcode = prop_oneof![
        8 => prop_oneof![Just(0x81_u8), Just(0x82), Just(0x01), Just(0x02), Just(0x00), Just(0x80)],
        2 => prop_oneof![Just(0x88_u8), Just(0x89), Just(0x8a)],
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => "[a-zé€😀]{0,40}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..220),
        1 => (prop_oneof![Just(1000_u16), Just(4000), Just(1005), any::<u16>()], "[a-z]{0,9}")
            .prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat()),
    ];
    let often = proptest::bool::weighted(0.98);
    let seldom = proptest::bool::weighted(0.1);
    let sent = (opcode, often, seldom, payload);
    sent.prop_map(|(first, masked, is_long, payload)| Sent {
        first,
        masked,
        is_long,
        // tungstenite tells of a text's fault before its last frame, so such a text is not compared.
        payload: match first & 0x0f {
            0 | 1 => String::from_utf8_lossy(&payload).into_owned().into_bytes(),
            _ => payload,
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_what_tungstenite_reads(
        frames in proptest::collection::vec(sent(), 1..8),
        cuts in proptest::collection::vec(1_usize..90, 0..12),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(Sent::encode).collect();
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (piece, more) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        pieces.push(rest);
        prop_assert_eq!(decoded(&pieces), expected(&bytes));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let whole = decoded(&[&bytes]);
        let bit_by_bit: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(whole, decoded(&bit_by_bit));
    }
}

#[test]
fn text_is_checked_across_its_frames() {
    let (head, tail) = "€".as_bytes().split_at(1);
    let frame = |first, payload: &[u8]| {
        Sent {
            first,
            masked: true,
            is_long: false,
            payload: payload.to_vec(),
        }
        .encode()
    };
    let good = [frame(0x01, head), frame(0x80, tail)].concat();
    assert_eq!(decoded(&[&good]), [Told::Text("€".to_owned())]);
    let bad = [frame(0x01, head), frame(0x80, head)].concat();
    assert_eq!(decoded(&[&bad]), [Told::Refused(1007)]);
}

#[test]
fn a_length_that_is_only_announced_takes_no_memory() {
    let mut decoder = Decoder::new(&Limits::default(), Bytes::new());
    let header = [0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xff, 1, 2, 3, 4, 5];
    assert!(matches!(decoder.decode(&mut &header[..]), Ok(None)));
    let frame = decoder.frame.as_ref().expect("a frame that is coming");
    assert!(frame.payload.capacity() <= READ_BUFFER);
}
