//! Frames through a whole connection: handshake, decoder, consumer, closing handshake.

use std::cell::Cell;
use std::time::Duration;

use channels::prelude::*;
use channels_runtime::__fuzz;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::memory::within;
use crate::support::block_on;

/// Small, so that short inputs reach them.
const MESSAGE: usize = 2048;
const FRAME: usize = 1024;

/// What one connection may take, whatever is sent: its queues are bounded by the limits below.
const MEMORY: usize = 512 * 1024;

/// Far more than all timeouts of a connection together.
const HOUR: Duration = Duration::from_secs(3600);

thread_local! {
    static APP: ProtocolTypeRouter = {
        let mut limits = Limits::default();
        limits.message_bytes = MESSAGE;
        limits.frame_bytes = FRAME;
        limits.outbound_bytes = 16 * 1024;
        ProtocolTypeRouter::new().websocket(Echo::app()).limits(limits)
    };
    static OPEN: Cell<i32> = const { Cell::new(0) };
}

#[consumer]
#[derive(Default)]
struct Echo;

#[consumer]
impl Echo {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        OPEN.set(OPEN.get() + 1);
        socket.accept().await
    }

    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }

    async fn disconnect(&mut self) {
        OPEN.set(OPEN.get() - 1);
    }
}

/// The first byte is the length of the pieces in which the client sends, 0 for one piece. The second
/// one says what the rest is (bytes, or frames in the short form of [`frame`]), and how the client
/// ends.
pub fn frames(data: &[u8]) {
    let [piece, mode, rest @ ..] = data else {
        return;
    };
    let bytes = match mode & 1 {
        0 => rest.to_vec(),
        _ => frames_of(rest),
    };
    // Pieces of one byte cost a poll each: no more of them than a second allows.
    let piece = match *piece {
        0 => bytes.len().max(1),
        piece => usize::from(piece).max(bytes.len() / 256),
    };
    let end = match mode >> 1 & 3 {
        0 => End::Shutdown,
        1 => End::Silence,
        _ => End::Drop,
    };
    let app = APP.with(ProtocolTypeRouter::clone);
    let open = OPEN.get();
    // The first connection makes the buffer that all connections of a thread share.
    let memory = MEMORY + 4 * bytes.len();
    within(memory, || {
        block_on(async {
            let ended = tokio::time::timeout(HOUR, converse(app, bytes, piece, end));
            ended
                .await
                .expect("the connection ends within its timeouts");
        });
    });
    assert_eq!(
        OPEN.get(),
        open,
        "`disconnect` runs once for each accepted connection"
    );
}

#[derive(Clone, Copy)]
enum End {
    /// The client ends its side, and reads on.
    Shutdown,
    /// The client does nothing more.
    Silence,
    /// The client disappears.
    Drop,
}

async fn converse(app: ProtocolTypeRouter, bytes: Vec<u8>, piece: usize, end: End) {
    let (mut client, server) = tokio::io::duplex(4096);
    let context = app.clone();
    let serving = tokio::spawn(__fuzz::serve(server, app));
    shake_hands(&mut client).await;
    let (mut read, mut write) = tokio::io::split(client);
    let writing = async {
        for piece in bytes.chunks(piece) {
            if write.write_all(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match end {
            End::Shutdown => drop(write.shutdown().await),
            End::Silence => std::future::pending().await,
            End::Drop => {}
        }
    };
    let mut answer = Vec::new();
    match end {
        End::Drop => {
            let reading =
                async { while read.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {} };
            tokio::select! { () = writing => {}, () = reading => {} }
        }
        _ => {
            let reading = read.read_to_end(&mut answer);
            tokio::select! {
                // A server that has ended takes nothing more: the end of the answer decides.
                _ = reading => {}
                () = async { writing.await; std::future::pending().await } => {}
            }
        }
    }
    check_frames(&answer, !matches!(end, End::Drop));
    drop((read, write));
    serving.await.expect("no panic");
    while context.context().connections() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn shake_hands(client: &mut DuplexStream) {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(head).await.expect("there is room");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(client.read_u8().await.expect("an answer"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
}

/// Checks that what the server has sent are whole frames of RFC 6455, the last one a close.
fn check_frames(mut bytes: &[u8], is_whole: bool) {
    let (mut is_closed, mut is_inside) = (false, false);
    while let Some((first, length, behind)) = header(bytes) {
        assert!(!is_closed, "a frame after the close frame");
        assert_eq!(first & 0x70, 0, "a reserved bit");
        let is_last = first & 0x80 != 0;
        let payload = behind.get(..length);
        match first & 0x0f {
            0 => assert!(is_inside, "a continuation of nothing"),
            1 | 2 => assert!(!is_inside, "a message inside of a message"),
            8..=10 => assert!(is_last && length <= 125, "a large control frame"),
            other => panic!("the opcode {other}"),
        }
        if first & 0x0f < 8 {
            is_inside = !is_last;
        }
        if first & 0x0f == 8 {
            is_closed = true;
            payload.into_iter().for_each(check_close);
        }
        let Some(rest) = behind.get(length..) else {
            assert!(!is_whole, "a frame is cut");
            return;
        };
        bytes = rest;
    }
    assert!(!is_whole || bytes.is_empty(), "a header is cut");
}

/// The first byte of a frame, the length of its payload, and what follows its header.
fn header(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    assert!(second & 0x80 == 0, "a server does not mask");
    let (length, rest) = match second {
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (u16::from_be_bytes(*length).into(), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (
                usize::try_from(u64::from_be_bytes(*length)).expect("64 bits"),
                rest,
            )
        }
        length => (usize::from(*length), rest),
    };
    Some((*first, length, rest))
}

fn check_close(payload: &[u8]) {
    match payload {
        [] => {}
        [code @ ..] if code.len() == 1 => panic!("half of a close code"),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            let is_valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert!(is_valid, "the close code {code}");
            assert!(
                std::str::from_utf8(reason).is_ok(),
                "a reason that is not UTF-8"
            );
        }
        _ => {}
    }
}

/// Makes frames of a short form: the first byte of a frame, a byte for the length of its payload, and
/// the payload. They are masked with zeros.
fn frames_of(mut data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [first, length, rest @ ..] = data {
        let length = match length {
            // One more than a frame, than a message, and than anybody sends.
            253 => FRAME + 1,
            254 => FRAME,
            255 => 126,
            length => usize::from(*length),
        };
        let (payload, behind) = rest.split_at(length.min(rest.len()));
        data = behind;
        out.push(*first);
        match length {
            0..=125 => out.push(0x80 | length as u8),
            _ => {
                out.push(0x80 | 126);
                out.extend((length as u16).to_be_bytes());
            }
        }
        out.extend([0; 4]);
        out.extend(payload);
        // The fuzzer does not have to write out a large payload.
        out.resize(out.len() + length - payload.len(), b'x');
    }
    out
}
