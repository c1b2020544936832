//! What bad input gets, on a real socket: a clear answer, and nothing is lost.

mod support;

use std::time::Duration;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{DropReason, EventType, GroupName};
use serde_json::json;
use support::{Running, app, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Event, Serialize, Deserialize)]
#[event("typed.event")]
struct Typed {
    number: u32,
}

/// Takes text, and events of one type.
#[consumer(groups("takers"))]
#[derive(Default)]
struct TextTaker;

#[consumer]
impl TextTaker {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }

    #[handler("typed.event")]
    async fn typed(&mut self, socket: &mut WebSocket, event: Typed) -> Result {
        socket.send(event.number.to_string()).await
    }
}

#[consumer]
#[derive(Default)]
struct JsonTaker;

#[consumer]
impl JsonTaker {
    async fn receive(&mut self, socket: &mut WebSocket, Json(number): Json<u32>) -> Result {
        socket.send_json(&number).await
    }
}

const HANDSHAKE: &str = "GET /ws/ HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Writes a request as it stands and reads until the server closes, or answers in full.
async fn answer_to(server: &Running, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = vec![0; 4096];
    let read = within(stream.read(&mut answer)).await.expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Opens a WebSocket by hand, for frames that no client would send.
async fn opened(server: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream
        .write_all(HANDSHAKE.as_bytes())
        .await
        .expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("the 101"));
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

/// A client's frame: masked with zeros, which leaves the payload as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    if let Ok(short @ 0..=125) = u8::try_from(payload.len()) {
        frame.push(0x80 | short);
    } else {
        frame.push(0x80 | 127);
        frame.extend((payload.len() as u64).to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The code of the close frame that comes next.
async fn close_code(stream: &mut TcpStream) -> u16 {
    let head = within(stream.read_u16()).await.expect("a frame");
    assert_eq!(head >> 8, 0x88, "a close frame, not {head:04x}");
    within(stream.read_u16()).await.expect("a code")
}

#[tokio::test]
async fn a_malformed_handshake_is_a_client_s_mistake() {
    let server = Running::start(&app(TextTaker::app())).await;
    let cases = [
        (
            "Sec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Version: 12\r\n",
            "426",
        ),
        ("Sec-WebSocket-Version: 13\r\n", "", "426"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", "400"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", "400"),
        (
            "dGhlIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ!!",
            "400",
        ),
        ("Connection: Upgrade\r\n", "", "400"),
        ("GET /ws/", "POST /ws/", "400"),
        ("GET /ws/", "GET /%FF/", "400"),
        ("GET /ws/", "GET /nowhere/", "404"),
        ("GET /ws/", "GET /ws/\u{1}", "400"),
        ("Upgrade: websocket\r\n", "", "426"),
        ("HTTP/1.1", "HTTP/9.9", "400"),
    ];
    for (from, to, status) in cases {
        let answer = answer_to(&server, &HANDSHAKE.replace(from, to)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{to:?}: {answer}"
        );
        assert!(!answer.contains("panick"), "{answer}");
    }
    server.stopped().await.expect("a clean stop");
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let server = Running::start(&app(TextTaker::app())).await;
    let endless = format!("GET /ws/ HTTP/1.1\r\nX-Bomb: {}", "x".repeat(100 * 1024));
    let answer = answer_to(&server, &endless).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_disconnected() {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(100);
    let server = Running::start(&app(TextTaker::app()).limits(limits)).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream
        .write_all(b"GET /ws/ HTTP/1.1\r\n")
        .await
        .expect("written");
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest))
        .await
        .expect("the end");
}

#[tokio::test]
async fn frames_against_the_protocol_get_their_code() {
    let mut limits = Limits::default();
    limits.message_bytes = 2000;
    limits.frame_bytes = 1500;
    let server = Running::start(&app(TextTaker::app()).limits(limits)).await;
    let fragments = [frame(0x01, &[b'x'; 1200]), frame(0x80, &[b'x'; 1200])].concat();
    let cases: [(&str, Vec<u8>, u16); 9] = [
        ("text that is no UTF-8", frame(0x81, &[0xff, 0xfe]), 1007),
        ("a frame too big", frame(0x81, &[b'x'; 1501]), 1009),
        ("a message too big in fragments", fragments, 1009),
        ("a frame that is not masked", vec![0x81, 1, b'x'], 1002),
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("a ping in fragments", frame(0x09, b"x"), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("binary to a text consumer", frame(0x82, b"x"), 1003),
    ];
    for (what, bytes, code) in cases {
        let mut stream = opened(&server).await;
        stream.write_all(&bytes).await.expect("written");
        assert_eq!(close_code(&mut stream).await, code, "{what}");
    }
}

#[tokio::test]
async fn an_oversized_message_gets_its_code_while_the_client_still_sends() {
    let server = Running::start(&app(TextTaker::app())).await;
    let mut stream = opened(&server).await;
    let huge = frame(0x81, &vec![b'x'; 8 * 1024 * 1024]);
    let (mut read, mut write) = stream.split();
    let sending = async {
        let _ = write.write_all(&huge).await;
    };
    let reading = async {
        let head = within(read.read_u16()).await.expect("a frame");
        (head >> 8, within(read.read_u16()).await.expect("a code"))
    };
    let ((), received) = within(async { tokio::join!(sending, reading) }).await;
    assert_eq!(received, (0x88, 1009));
}

#[tokio::test]
async fn a_close_frame_without_code_is_answered() {
    let server = Running::start(&app(TextTaker::app())).await;
    let mut stream = opened(&server).await;
    stream.write_all(&frame(0x88, b"")).await.expect("written");
    assert_eq!(within(stream.read_u16()).await.expect("a frame"), 0x8800);
    assert_eq!(within(stream.read(&mut [0])).await.expect("the end"), 0);
}

#[tokio::test]
async fn empty_frames_are_echoed() {
    let server = Running::start(&app(TextTaker::app())).await;
    let mut client = WebsocketCommunicator::at(server.address, "/ws/");
    client.connect().await.expect("accepted");
    client.send("").await.expect("sent");
    assert_eq!(client.receive::<String>().await.expect("the echo"), "");
}

#[tokio::test]
async fn json_that_is_none_gets_1007_and_another_kind_1003() {
    let server = Running::start(&app(JsonTaker::app())).await;
    for (message, code) in [
        (Message::from("{"), 1007),
        (Message::from(""), 1007),
        (Message::from("\"text\""), 1007),
        (Message::from(vec![1_u8]), 1003),
    ] {
        let mut client = WebsocketCommunicator::at(server.address, "/ws/");
        client.connect().await.expect("accepted");
        client.send(message.clone()).await.expect("sent");
        let frame = client.closed().await.expect("closed").expect("a frame");
        assert_eq!(u16::from(frame.code), code, "{message:?}");
    }
}

#[tokio::test]
async fn events_that_nobody_handles_or_that_do_not_decode_are_counted() {
    let layer = InMemoryChannelLayer::new();
    let app = app(TextTaker::app()).channel_layer(layer.clone());
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    let group = GroupName::new("takers").expect("a name");
    for (event_type, payload) in [
        ("unknown.event", json!({})),
        ("receive", json!({ "text": "impersonated" })),
        ("connect", json!({})),
        ("disconnect", json!({})),
        ("typed.event", json!({ "number": "NaN" })),
        ("typed.event", json!({ "number": 7 })),
    ] {
        let event = Event::new(event_type, payload).expect("a valid event");
        layer.group_send(group, event, None).await.expect("sent");
    }
    assert_eq!(client.receive::<String>().await.expect("the last one"), "7");
    assert!(client.receives_nothing().await);
    let stats = app.context().stats();
    until("both are counted", || {
        stats.drops(DropReason::Unhandled) == 4 && stats.drops(DropReason::Undecodable) == 1
    })
    .await;
}

#[tokio::test]
async fn no_event_of_a_layer_impersonates_the_protocol() {
    for event_type in [
        "websocket.receive",
        "websocket.disconnect",
        "websocket_receive",
        "http.request",
        "channel.layer",
        "_private",
        ".receive",
        "a..b",
        "",
        "send me",
    ] {
        let error = Event::new(event_type, json!({})).expect_err(event_type);
        assert_eq!(error.kind(), ErrorKind::EventType, "{event_type}");
        assert!(error.to_string().contains("use letters, digits"), "{error}");
        assert!(EventType::new(event_type).is_err());
    }
}

#[tokio::test]
async fn a_bad_group_name_is_an_error_that_says_what_is_allowed() {
    let long = "x".repeat(2000);
    for (name, says) in [
        ("", "cannot be empty"),
        (
            long.as_str(),
            "has 2000 bytes on the wire, the maximum is 99",
        ),
    ] {
        let error = GroupName::new(name).expect_err("not allowed");
        assert!(error.to_string().contains(says), "{error}");
    }
}
