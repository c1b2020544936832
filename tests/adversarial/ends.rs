//! How sockets end whose clients say nothing more, and messages that no handler takes.

use std::time::Duration;

use channels::prelude::*;
use channels::{ChannelLayer, Delivery, GroupName};

use super::client::{Client, Log, Server, frame, until};
use super::support::{Running, app, within};

fn members(server: &Server) -> usize {
    server
        .layer
        .member_count(GroupName::new("answerers").expect("a name"))
}

fn send_event(server: &Server) -> Delivery {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let event = Event::new("any.event", serde_json::json!({})).expect("an event");
    let group = GroupName::new("answerers").expect("a name");
    let sent = server.layer.group_send(group, event, None);
    runtime.expect("a runtime").block_on(sent).expect("sent")
}

/// After a violation the client says nothing more, and reads nothing.
#[test]
fn disconnect_runs_soon_after_a_violation() {
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("a frame that is not masked", vec![0x81, 1, b'x'], 1002),
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("text that is not UTF-8", frame(0x81, b"\xff"), 1007),
        (
            "too long",
            super::client::header(0x82, 2 * 1024 * 1024),
            1009,
        ),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        (
            "queued output that is not read",
            [frame(0x81, b"report 900000"), frame(0x83, b"x")].concat(),
            1002,
        ),
    ];
    for (what, bytes, code) in cases {
        let server = Server::start(Limits::default());
        let mut client = Client::open(server.address);
        until("it is a member", || members(&server) == 1);
        client.send(&bytes);
        let left = until("it leaves", || members(&server) == 0);
        let line = format!("disconnect {code} Limit");
        let waited = left + until("`disconnect` runs", || server.journal.count(&line) == 1);
        assert!(
            left < Duration::from_millis(700),
            "{what}: left after {left:?}"
        );
        assert!(waited < Duration::from_secs(2), "{what}: {waited:?}");
        // The close frame is there, and no reset has overtaken it.
        assert_eq!(client.closed().0, code, "{what}");
    }
}

#[test]
fn a_socket_that_we_close_leaves_its_groups_at_once() {
    let server = Server::start(Limits::default());
    let mut client = Client::open(server.address);
    until("it is a member", || members(&server) == 1);
    client.send(&frame(0x81, b"close"));
    // The client does not answer the close frame.
    let left = until("it leaves", || members(&server) == 0);
    assert!(left < Duration::from_millis(700), "{left:?}");
    assert_eq!(send_event(&server).matched, 0);
    assert_eq!(server.journal.count("event"), 0);
    client.send(&frame(0x88, &1000_u16.to_be_bytes()));
    until("it ends", || {
        server.journal.count("disconnect 1000 Consumer") == 1
    });
}

#[test]
fn a_violation_during_a_handler_leaves_the_groups_as_well() {
    let server = Server::start(Limits::default());
    let mut client = Client::open(server.address);
    client.send(&frame(0x81, b"hang"));
    until("it hangs", || server.journal.count("hang") == 1);
    client.send(&frame(0x83, b"x"));
    let left = until("it leaves", || members(&server) == 0);
    assert!(left < Duration::from_secs(1), "{left:?}");
}

#[derive(Deserialize)]
struct Said {
    text: String,
}

#[consumer]
#[derive(Default)]
struct TakesJson;

#[consumer]
impl TakesJson {
    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Said>) -> Result {
        socket.send(said.text).await
    }
}

#[test]
fn json_of_another_shape_is_named_and_logged_at_a_bounded_rate() {
    let ((), lines) = Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let server = Running::start(&app(TakesJson::app())).await;
            let address = server.address;
            let asked = tokio::task::spawn_blocking(move || {
                let long = format!("{{\"text\": [\"{}\"]}}", "xy".repeat(50_000));
                let other = "the message is not the expected JSON";
                let none = "the message is not valid JSON";
                let cases = [("{}", other), ("[]", other), (&long, other), ("{", none)];
                for (text, reason) in cases.iter().cycle().take(100) {
                    let mut client = Client::open(address);
                    client.send(&frame(0x81, text.as_bytes()));
                    assert_eq!(client.closed(), (1007, (*reason).to_owned()));
                }
            });
            within(asked).await.expect("no panic");
        });
    });
    let named: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("missing field `text`"))
        .collect();
    assert!(!named.is_empty(), "{lines:?}");
    assert!(named[0].contains("TakesJson"), "{}", named[0]);
    assert!(named[0].contains("/ws/"), "{}", named[0]);
    assert!(lines.len() <= 60, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.len() < 1000));
}
