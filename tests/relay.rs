//! Events that are relayed: the same frames, in the same order, as the handler would send.

mod support;

use std::time::Duration;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{Delivery, DropReason};
use serde_json::json;
use support::{Running, app, until, within};

/// Passed on to everybody as it is.
#[derive(Event, Serialize, Deserialize)]
#[event("room.said")]
struct Said {
    by: u32,
    number: u32,
}

/// Not relayed: its handler changes it.
#[derive(Event, Serialize, Deserialize)]
#[event("room.asked")]
struct Asked {
    by: u32,
    number: u32,
}

#[consumer(groups("room"), mailbox = 8)]
#[derive(Default)]
struct Room;

#[consumer]
impl Room {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        match socket.scope().query_string() {
            "refused" => {
                socket.group_add("room").await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                socket.deny(StatusCode::FORBIDDEN).await
            }
            "slow" => {
                socket.group_add("room").await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                socket.accept().await
            }
            _ => socket.accept().await,
        }
    }

    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        match text.as_str() {
            "around" => {
                socket.send("before").await?;
                socket.group_send("room", said(0, 1)).await?;
                socket.send("after").await
            }
            "busy" => {
                socket.send("begun").await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                socket.send("done").await
            }
            // To itself as well, and it is busy: so they wait in its mailbox.
            "many" => {
                for number in 0..50 {
                    socket.group_send("room", said(1, number)).await?;
                }
                Ok(())
            }
            "close" => {
                socket.close(CloseCode::NORMAL, "").await?;
                socket.group_send("room", said(0, 1)).await
            }
            // As a client in the stress test sends it: who it is, and its how many-th message.
            numbers => {
                let (by, number) = numbers.split_once(' ').ok_or(Stop)?;
                let parse = |text: &str| text.parse().map_err(Error::other);
                let (by, number) = (parse(by)?, parse(number)?);
                socket.group_send("room", said(by, number)).await?;
                socket.group_send("room", Asked { by, number }).await
            }
        }
    }

    #[handler("room.said", relay)]
    async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
        socket.send_json(event).await
    }

    #[handler("room.asked")]
    async fn asked(&mut self, socket: &mut WebSocket, event: &Asked) -> Result {
        socket
            .send(format!("asked {} {}", event.by, event.number))
            .await
    }
}

fn said(by: u32, number: u32) -> Said {
    Said { by, number }
}

fn text(by: u32, number: u32) -> String {
    format!("{{\"by\":{by},\"number\":{number}}}")
}

struct Fixture {
    app: ProtocolTypeRouter,
    layer: InMemoryChannelLayer,
}

fn fixture() -> Fixture {
    let layer = InMemoryChannelLayer::new();
    let app = app(Room::app()).channel_layer(layer.clone());
    Fixture { app, layer }
}

impl Fixture {
    async fn member(&self) -> WebsocketCommunicator {
        let mut client = WebsocketCommunicator::new(&self.app, "/ws/");
        client.connect().await.expect("accepted");
        client
    }

    async fn send(&self, event: impl Into<Event>) -> Delivery {
        let sent = self.layer.group_send(room(), event.into(), None);
        within(sent).await.expect("sent")
    }
}

fn room() -> channels::GroupName<'static> {
    channels::GroupName::new("room").expect("a name")
}

async fn hears(client: &mut WebsocketCommunicator, expected: &str) {
    let heard: String = client.receive().await.expect("a message");
    assert_eq!(heard, expected);
}

#[tokio::test(start_paused = true)]
async fn every_member_gets_the_event_s_json() {
    let fixture = fixture();
    let (mut one, mut two) = (fixture.member().await, fixture.member().await);
    let delivery = fixture.send(said(7, 1)).await;
    assert_eq!((delivery.matched, delivery.queued), (2, 2));
    fixture.send(said(7, 2)).await;
    for client in [&mut one, &mut two] {
        hears(client, &text(7, 1)).await;
        hears(client, &text(7, 2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_another_program_is_relayed_as_the_type_has_it() {
    let fixture = fixture();
    let mut client = fixture.member().await;
    let fields = json!({ "number": 3, "by": 1, "more": true });
    fixture
        .send(Event::new("room_said", fields).expect("an event"))
        .await;
    hears(&mut client, &text(1, 3)).await;
    let bad = Event::new("room.said", json!({ "by": "me" })).expect("an event");
    fixture.send(bad).await;
    fixture.send(said(1, 4)).await;
    hears(&mut client, &text(1, 4)).await;
    let stats = fixture.app.context().stats();
    assert_eq!(stats.drops(DropReason::Undecodable), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_code_panics_is_counted_and_harms_nobody() {
    /// Refuses to be read, in the worst way.
    #[derive(Serialize)]
    struct Grumpy;

    impl<'de> Deserialize<'de> for Grumpy {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("as told")
        }
    }

    impl Clone for Grumpy {
        fn clone(&self) -> Self {
            Self
        }
    }

    #[derive(Event, Serialize, Deserialize)]
    #[event("room.said")]
    struct Said {
        grumpy: Grumpy,
    }

    #[consumer(groups("room"))]
    #[derive(Default)]
    struct Panicking;

    #[consumer]
    impl Panicking {
        async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
            socket.send(text).await
        }

        #[handler("room.said", relay)]
        async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
            socket.send_json(event).await
        }
    }

    let layer = InMemoryChannelLayer::new();
    let app = app(Panicking::app()).channel_layer(layer.clone());
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    let event = Event::new("room.said", json!({ "grumpy": 1 })).expect("an event");
    let sent = layer.group_send(room(), event, None);
    within(sent).await.expect("the sender is not harmed");
    client.send("still here").await.expect("sent");
    hears(&mut client, "still here").await;
    assert_eq!(app.context().stats().drops(DropReason::Undecodable), 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_comes_back_as_the_message() {
    #[consumer(groups("room"))]
    #[derive(Default)]
    struct Late(support::Journal);

    #[consumer]
    impl Late {
        #[handler("room.said")]
        async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
            socket.close(CloseCode::NORMAL, "").await?;
            let error = socket.send_json(event).await.expect_err("closed");
            let unsent: Message = error.into_unsent().expect("the message");
            self.0.note(unsent.as_text().unwrap_or_default());
            Ok(())
        }
    }

    let (layer, journal) = (InMemoryChannelLayer::new(), support::Journal::default());
    let late = Late::app_with({
        let journal = journal.clone();
        move |_| Late(journal.clone())
    });
    let app = app(late).channel_layer(layer.clone());
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    let sent = layer.group_send(room(), said(3, 4).into(), None);
    within(sent).await.expect("sent");
    client.closed().await.expect("closed");
    assert_eq!(journal.lines(), [text(3, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_relayed_event_keeps_its_place_among_others() {
    let fixture = fixture();
    let mut client = fixture.member().await;
    // Behind all that the handler which runs sends, as a handler of its own would come.
    client.send("around").await.expect("sent");
    for expected in ["before", "after", &text(0, 1)] {
        hears(&mut client, expected).await;
    }
    client.send("busy").await.expect("sent");
    hears(&mut client, "begun").await;
    fixture.send(said(1, 1)).await;
    fixture.send(Asked { by: 1, number: 2 }).await;
    fixture.send(said(1, 3)).await;
    for expected in ["done", &text(1, 1), "asked 1 2", &text(1, 3)] {
        hears(&mut client, expected).await;
    }
    // Nothing else has to happen for it to leave.
    client.send("busy").await.expect("sent");
    hears(&mut client, "begun").await;
    fixture.send(said(1, 4)).await;
    for expected in ["done", &text(1, 4)] {
        hears(&mut client, expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn only_accepted_sockets_that_are_open_get_it() {
    let fixture = fixture();
    let refused = tokio::spawn({
        let app = fixture.app.clone();
        async move {
            let mut client = WebsocketCommunicator::new(&app, "/ws/?refused");
            client.connect().await.expect_err("refused").status()
        }
    });
    let slow = tokio::spawn({
        let app = fixture.app.clone();
        async move {
            let mut client = WebsocketCommunicator::new(&app, "/ws/?slow");
            client.connect().await.expect("accepted");
            client
        }
    });
    until("both are members", || {
        fixture.layer.member_count(room()) == 2
    })
    .await;
    fixture.send(said(1, 1)).await;
    assert_eq!(
        within(refused).await.expect("no panic"),
        StatusCode::FORBIDDEN
    );
    let mut slow = within(slow).await.expect("no panic");
    hears(&mut slow, &text(1, 1)).await;
    slow.send("close").await.expect("sent");
    let close = slow.closed().await.expect("closed").expect("a frame");
    assert_eq!(close.code, CloseCode::NORMAL);
    until("nothing is left", || {
        fixture.layer.member_count(room()) == 0
    })
    .await;
}

#[tokio::test]
async fn a_member_that_does_not_read_has_its_bound_and_holds_up_nobody() {
    const BYTES: usize = 4096;
    let layer = InMemoryChannelLayer::new();
    let mut limits = Limits::default();
    limits.outbound_bytes = BYTES;
    let app = app(Room::app()).channel_layer(layer.clone()).limits(limits);
    let server = Running::start(&app).await;
    let mut deaf = WebsocketCommunicator::at(server.address, "/ws/");
    let mut reader = WebsocketCommunicator::at(server.address, "/ws/");
    deaf.connect().await.expect("accepted");
    reader.connect().await.expect("accepted");
    // Until the kernel's buffers, the queue of bytes and the mailbox of the deaf are full.
    let mut number = 0;
    while app.context().stats().drops(DropReason::Newest) == 0 {
        number += 1;
        let sent = layer.group_send(room(), said(1, number).into(), None);
        within(sent).await.expect("sent");
        hears(&mut reader, &text(1, number)).await;
    }
    drop(deaf);
    until("the deaf is gone", || layer.member_count(room()) == 1).await;
}

#[tokio::test]
async fn more_than_there_is_room_for_is_relayed_as_room_comes() {
    let mut limits = Limits::default();
    limits.outbound_bytes = 64;
    limits.ping_interval = Duration::ZERO;
    let app = app(Large::app())
        .channel_layer(InMemoryChannelLayer::new())
        .limits(limits);
    // Over a real socket, which takes all at once: nothing but the room itself wakes the task.
    let server = Running::start(&app).await;
    let mut client = WebsocketCommunicator::at(server.address, "/ws/");
    client.connect().await.expect("accepted");
    client.send("many").await.expect("sent");
    for number in 0..50 {
        hears(&mut client, &text(1, number)).await;
    }
}

/// At speed, on several threads: the order of each sender holds for every receiver, whatever
/// others do, relayed and handled events keep theirs among each other, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn senders_members_and_leavers_at_once() {
    const MEMBERS: u32 = 6;
    const SENT: u32 = 150;
    let layer = InMemoryChannelLayer::new();
    let app = app(Large::app()).channel_layer(layer.clone());
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        let mut client = WebsocketCommunicator::new(&app, "/ws/");
        client.connect().await.expect("accepted");
        members.push(client);
    }
    let leavers = tokio::spawn({
        let app = app.clone();
        async move {
            for round in 0..20 {
                let mut client = WebsocketCommunicator::new(&app, "/ws/");
                client.connect().await.expect("accepted");
                if round % 2 == 0 {
                    client.close(CloseCode::NORMAL, "").await.expect("closed");
                }
            }
        }
    });
    let running: Vec<_> = members
        .into_iter()
        .zip(0..)
        .map(|(client, me)| tokio::spawn(talk(client, me, MEMBERS, SENT)))
        .collect();
    for member in running {
        within(member).await.expect("no member fails");
    }
    within(leavers).await.expect("no leaver fails");
    until("nothing is left", || {
        layer.member_count(room()) == 0 && app.context().connections() == 0
    })
    .await;
}

/// Sends its own messages one by one, and checks those of everybody.
async fn talk(mut client: WebsocketCommunicator, me: u32, members: u32, sent: u32) {
    let mut heard = vec![(0, 0); members as usize];
    let mut mine = 0;
    while heard
        .iter()
        .any(|&(relayed, handled)| relayed < sent || handled < sent)
    {
        if mine < sent && heard[me as usize].1 == mine {
            mine += 1;
            client.send(format!("{me} {mine}")).await.expect("sent");
        }
        let text: String = client.receive().await.expect("a message");
        if let Ok(Said { by, number }) = serde_json::from_str(&text) {
            let (relayed, handled) = &mut heard[by as usize];
            *relayed += 1;
            assert_eq!(number, *relayed, "relayed in order");
            assert_eq!(number, *handled + 1, "before what was sent behind it");
        } else {
            let mut words = text.split(' ').skip(1).map(str::parse);
            let mut number = || words.next().and_then(Result::ok).expect("a number");
            let (by, number): (u32, u32) = (number(), number());
            let (relayed, handled) = &mut heard[by as usize];
            *handled += 1;
            assert_eq!(number, *handled, "handled in order");
            assert_eq!(number, *relayed, "behind what was sent before it");
        }
    }
    client.close(CloseCode::NORMAL, "").await.expect("closed");
}

/// The same with room for all that the stress test sends.
#[consumer(groups("room"), mailbox = 4096)]
#[derive(Default)]
struct Large;

#[consumer]
impl Large {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        Room.receive(socket, text).await
    }

    #[handler("room.said", relay)]
    async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
        socket.send_json(event).await
    }

    #[handler("room.asked")]
    async fn asked(&mut self, socket: &mut WebSocket, event: &Asked) -> Result {
        Room.asked(socket, event).await
    }
}
