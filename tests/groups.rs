//! Groups and channels in memory: who gets what, and what is left behind.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{BlockingChannelLayer, Delivered, DropReason, GroupName, Receiver, WebSocketApp};
use serde_json::json;
use support::{Journal, app, until, within};
use tokio::time::Instant;

#[derive(Event, Serialize, Deserialize)]
#[event("group.said")]
struct Said {
    text: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("group.moved", key(who))]
struct Moved {
    who: String,
    to: u32,
}

/// Joins and leaves as it is told, and says what it hears.
#[consumer(mailbox = 4, overflow = coalesce)]
#[derive(Default)]
struct Member;

#[consumer]
impl Member {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let said = || Said {
            text: rest.to_owned(),
        };
        match verb {
            "join" => socket.group_add(rest).await?,
            "leave" => socket.group_discard(rest).await?,
            "all" => return socket.group_send("g", said()).await,
            "others" => return socket.group_send_except_self("g", said()).await,
            "who" => return socket.send(socket.channel_name()?.to_string()).await,
            "nap" => tokio::time::sleep(Duration::from_secs(1)).await,
            "after" => {
                socket.after(Duration::from_secs(60), said());
            }
            "every" => {
                let timer = socket.every(Duration::from_secs(1), said());
                socket.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(3500)).await;
                    timer.cancel();
                });
            }
            "spawn" => {
                let sender = socket.sender();
                let text = rest.to_owned();
                socket.spawn(async move {
                    let _ = sender.send(text).await;
                    sender.close(CloseCode::NORMAL, "the task has ended");
                });
            }
            other => return Err(Error::other(format!("what is {other}?"))),
        }
        socket.send("done").await
    }

    #[handler("group.said")]
    async fn said(&mut self, socket: &mut WebSocket, event: Said) -> Result {
        socket.send(event.text).await
    }

    #[handler("group.moved")]
    async fn moved(&mut self, socket: &mut WebSocket, event: &Moved) -> Result {
        socket.send(format!("{} to {}", event.who, event.to)).await
    }

    #[fallback]
    async fn anything(&mut self, socket: &mut WebSocket, event: Event) -> Result {
        socket
            .send(format!("fallback {}", event.event_type()))
            .await
    }
}

/// Naps, and passes on what it hears.
#[consumer(mailbox = 4, overflow = coalesce)]
#[derive(Default)]
struct Relaying;

#[consumer]
impl Relaying {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        match text.split_once(' ') {
            Some((_, group)) => socket.group_add(group).await?,
            None => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        socket.send("done").await
    }

    #[handler("group.moved", relay)]
    async fn moved(&mut self, socket: &mut WebSocket, event: &Moved) -> Result {
        socket.send_json(event).await
    }
}

struct Fixture {
    app: ProtocolTypeRouter,
    layer: InMemoryChannelLayer,
}

fn fixture() -> Fixture {
    fixture_of(Member::app())
}

fn relaying() -> Fixture {
    fixture_of(Relaying::app())
}

fn fixture_of(consumer: impl WebSocketApp) -> Fixture {
    let layer = InMemoryChannelLayer::new();
    Fixture {
        app: app(consumer).channel_layer(layer.clone()),
        layer,
    }
}

impl Fixture {
    async fn member(&self) -> WebsocketCommunicator {
        let mut client = WebsocketCommunicator::new(&self.app, "/ws/");
        client.connect().await.expect("accepted");
        tell(&mut client, "join g").await;
        client
    }
}

async fn tell(client: &mut WebsocketCommunicator, what: &str) {
    client.send(what).await.expect("sent");
    assert_eq!(
        client.receive::<String>().await.expect("an answer"),
        "done",
        "{what}"
    );
}

async fn hears(client: &mut WebsocketCommunicator, what: &str) {
    assert_eq!(client.receive::<String>().await.expect("a message"), what);
}

#[tokio::test(start_paused = true)]
async fn a_group_send_reaches_its_members_once() {
    let fixture = fixture();
    let (mut one, mut other) = (fixture.member().await, fixture.member().await);
    tell(&mut one, "join g").await;
    one.send("all hello").await.expect("sent");
    hears(&mut one, "hello").await;
    hears(&mut other, "hello").await;
    assert!(one.receives_nothing().await, "joined twice, told once");

    one.send("others psst").await.expect("sent");
    hears(&mut other, "psst").await;
    assert!(one.receives_nothing().await, "the sender was left out");

    tell(&mut other, "leave g").await;
    tell(&mut other, "leave never-joined").await;
    one.send("all bye").await.expect("sent");
    hears(&mut one, "bye").await;
    assert!(other.receives_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_reached_by_its_name() {
    let fixture = fixture();
    let mut member = fixture.member().await;
    member.send("who").await.expect("sent");
    let name: String = member.receive().await.expect("a name");
    let name = ChannelName::new(&name).expect("a valid name");
    let said = || {
        Event::from(Said {
            text: "direct".to_owned(),
        })
    };
    fixture.layer.send(&name, said()).await.expect("sent");
    hears(&mut member, "direct").await;

    member.send("nap").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(10)).await;
    member.vanish();
    until("it is gone", || fixture.layer.channel_count() == 0).await;
    fixture
        .layer
        .send(&name, said())
        .await
        .expect("sending to nobody is no error");
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_gives_the_event_back() {
    #[consumer(mailbox = 1)]
    #[derive(Default)]
    struct Small;

    #[consumer]
    impl Small {
        async fn connect(&mut self, socket: &mut WebSocket) -> Result {
            socket.accept().await?;
            socket.send(socket.channel_name()?.to_string()).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        }

        #[handler("group.said")]
        async fn said(&mut self) {}
    }

    let layer = InMemoryChannelLayer::new();
    let app = app(Small::app()).channel_layer(layer.clone());
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    let name: String = client.receive().await.expect("a name");
    let name = ChannelName::new(&name).expect("a valid name");
    layer
        .send(
            &name,
            Said {
                text: "fits".into(),
            }
            .into(),
        )
        .await
        .expect("room for one");
    let error = layer
        .send(
            &name,
            Said {
                text: "too much".into(),
            }
            .into(),
        )
        .await;
    let error = error.expect_err("no room for two");
    assert_eq!(error.kind(), ErrorKind::ChannelFull);
    let event: Event = error.into_unsent().expect("the event");
    assert_eq!(event.get::<Said>().expect("typed").text, "too much");
}

/// Who got the event back would send it again.
#[tokio::test(start_paused = true)]
async fn an_event_that_displaces_another_does_not_come_back() {
    #[consumer(groups("g"), mailbox = 1, overflow = drop_oldest)]
    #[derive(Default)]
    struct Latest;

    #[consumer]
    impl Latest {
        async fn connect(&mut self, socket: &mut WebSocket) -> Result {
            socket.accept().await?;
            socket.send(socket.channel_name()?.to_string()).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        }

        #[handler("group.said")]
        async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
            socket.send(event.text.clone()).await
        }
    }

    let layer = InMemoryChannelLayer::new();
    let app = app(Latest::app()).channel_layer(layer.clone());
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    let name: String = client.receive().await.expect("a name");
    let name = ChannelName::new(&name).expect("a valid name");
    let said = |text: &str| Event::from(Said { text: text.into() });
    for text in ["one", "two"] {
        let sent = layer.send(&name, said(text)).await;
        sent.expect("it waits for its handler");
    }
    let group = GroupName::new("g").expect("a name");
    let delivery = layer.group_send(group, said("three"), None).await;
    let delivery = delivery.expect("sent");
    let counts = (delivery.matched, delivery.queued, delivery.dropped);
    assert_eq!(counts, (1, 1, 1));
    hears(&mut client, "three").await;
    assert!(client.receives_nothing().await);
    assert_eq!(app.context().stats().drops(DropReason::Oldest), 2);
}

/// As its sender's own value, as from another program, and both.
#[tokio::test(start_paused = true)]
async fn coalescing_keeps_the_newest_of_each_key() {
    let own = |who: &str, to| {
        let who = who.to_owned();
        Event::from(Moved { who, to })
    };
    let others = |who: &str, to| {
        let payload = json!({ "who": who, "to": to });
        Event::new("group.moved", payload).expect("an event")
    };
    let moves = [
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("d", 1),
        ("a", 2),
        ("b", 2),
        ("a", 3),
    ];
    for relays in [false, true] {
        for is_own in [[true, true], [false, false], [true, false]] {
            let fixture = if relays { relaying() } else { fixture() };
            let mut member = fixture.member().await;
            member.send("nap").await.expect("sent");
            tokio::time::sleep(Duration::from_millis(10)).await;
            let group = GroupName::new("g").expect("a name");
            for (at, (who, to)) in moves.into_iter().enumerate() {
                let is_own = is_own[at % 2];
                let event = if is_own {
                    own(who, to)
                } else {
                    others(who, to)
                };
                let sent = fixture.layer.group_send(group, event, None).await;
                sent.expect("sent");
            }
            hears(&mut member, "done").await;
            for (who, to) in [("c", 1), ("d", 1), ("b", 2), ("a", 3)] {
                let expected = if relays {
                    format!(r#"{{"who":"{who}","to":{to}}}"#)
                } else {
                    format!("{who} to {to}")
                };
                hears(&mut member, &expected).await;
            }
            let drops = fixture.app.context().stats().drops(DropReason::Coalesced);
            assert_eq!(drops, 3);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_too_slow_for_its_policy_is_closed_with_1013() {
    #[consumer(groups("strict"), mailbox = 2, overflow = close)]
    #[derive(Default)]
    struct Strict;

    #[consumer]
    impl Strict {
        #[handler("group.said")]
        async fn said(&mut self, _: Said) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    let layer = InMemoryChannelLayer::new();
    let app = app(Strict::app()).channel_layer(layer.clone());
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    for _ in 0..5 {
        let said = Said {
            text: String::new(),
        };
        Group::<Strict>::new("strict")
            .expect("a name")
            .send(&layer, said)
            .await
            .expect("sent");
    }
    let frame = client.closed().await.expect("closed").expect("a frame");
    assert_eq!(frame.code, CloseCode::TRY_AGAIN_LATER);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_takes_what_no_other_does() {
    let fixture = fixture();
    let mut member = fixture.member().await;
    let group = GroupName::new("g").expect("a name");
    let event = Event::new("some.thing", ()).expect("an event");
    fixture
        .layer
        .group_send(group, event, None)
        .await
        .expect("sent");
    hears(&mut member, "fallback some.thing").await;
}

#[tokio::test(start_paused = true)]
async fn timers_and_tasks_end_with_their_connection() {
    let fixture = fixture();
    let mut member = fixture.member().await;
    tell(&mut member, "after a minute").await;
    assert!(member.receives_nothing_for(Duration::from_secs(59)).await);
    hears(&mut member, "a minute").await;
    tell(&mut member, "every tick").await;
    for _ in 0..3 {
        hears(&mut member, "tick").await;
    }
    assert!(
        member.receives_nothing_for(Duration::from_secs(5)).await,
        "it was cancelled"
    );

    tell(&mut member, "after too late").await;
    member.send("spawn goodbye").await.expect("sent");
    hears(&mut member, "done").await;
    hears(&mut member, "goodbye").await;
    let frame = member.closed().await.expect("closed").expect("a frame");
    assert_eq!(&*frame.reason, "the task has ended");
    until("it is gone", || fixture.layer.channel_count() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn ticks_that_a_busy_consumer_misses_are_skipped() {
    #[consumer(mailbox = 4)]
    struct Slow {
        start: Instant,
        journal: Journal,
        /// What a handler keeps is its own: it holds up no timer.
        kept: Vec<Event>,
    }

    #[consumer]
    impl Slow {
        async fn connect(&mut self, socket: &mut WebSocket) {
            let text = "tick".to_owned();
            socket.every(Duration::from_secs(1), Said { text });
            // The first tick waits; there is none beside it.
            tokio::time::sleep(Duration::from_millis(3500)).await;
        }

        #[handler("group.said")]
        async fn said(&mut self, event: Event) {
            let at = self.start.elapsed().as_secs_f32();
            let text = &event.get::<Said>().expect("the event").text;
            self.journal.note(format!("{text} at {at:.1}"));
            self.kept.push(event);
            tokio::time::sleep(Duration::from_millis(3200)).await;
        }
    }

    let (start, journal) = (Instant::now(), Journal::default());
    let slow = Slow::app_with({
        let journal = journal.clone();
        move |_| Slow {
            start,
            journal: journal.clone(),
            kept: Vec::new(),
        }
    });
    let app = app(slow);
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    until("three ticks", || journal.lines().len() == 3).await;
    let ticks = ["tick at 3.5", "tick at 7.0", "tick at 11.0"];
    assert_eq!(journal.lines(), ticks);
}

#[test]
fn a_thread_without_runtime_sends_through_the_blocking_handle() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fixture = fixture();
    let mut member = runtime.block_on(fixture.member());
    let layer = BlockingChannelLayer::new(Arc::new(fixture.layer), runtime.handle());
    let sent = std::thread::spawn(move || {
        layer.group_send(
            "g",
            Said {
                text: "plain".into(),
            },
        )
    });
    let delivery = sent.join().expect("no panic").expect("sent");
    assert_eq!((delivery.matched, delivery.queued), (1, 1));
    runtime.block_on(hears(&mut member, "plain"));
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Receiver for Counter {
    fn deliver(&self, _: &Event) -> Delivered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Delivered::Queued
    }
}

/// Joins, leaves, sends and drops on several threads: who stays gets all, nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn members_come_and_go_while_others_send() {
    const SENDS: usize = 2000;
    let layer = InMemoryChannelLayer::new();
    let group = GroupName::new("busy").expect("a name");
    let stays = Arc::new(Counter::default());
    let channel = layer
        .new_channel(Arc::clone(&stays) as _)
        .await
        .expect("a channel");
    layer
        .group_add(group, channel.name())
        .await
        .expect("joined");

    let mut tasks = Vec::new();
    for _ in 0..4 {
        let layer = layer.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..500 {
                let passing = layer
                    .new_channel(Arc::new(Counter::default()))
                    .await
                    .expect("a channel");
                layer
                    .group_add(group, passing.name())
                    .await
                    .expect("joined");
                tokio::task::yield_now().await;
                if passing.name().as_str().ends_with('0') {
                    layer
                        .group_discard(group, passing.name())
                        .await
                        .expect("left");
                }
            }
        }));
    }
    for _ in 0..4 {
        let layer = layer.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..SENDS / 4 {
                let event = Said {
                    text: String::new(),
                };
                layer
                    .group_send(group, event.into(), None)
                    .await
                    .expect("sent");
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        within(task).await.expect("no panic");
    }
    assert_eq!(stays.0.load(Ordering::Relaxed), SENDS);
    assert_eq!(layer.member_count(group), 1);
    drop(channel);
    assert_eq!((layer.channel_count(), layer.group_count()), (0, 0));
}

#[tokio::test]
async fn a_closed_layer_refuses_and_gives_the_event_back() {
    let layer = InMemoryChannelLayer::new();
    let channel = layer
        .new_channel(Arc::new(Counter::default()))
        .await
        .expect("a channel");
    let group = GroupName::new("g").expect("a name");
    layer
        .group_add(group, channel.name())
        .await
        .expect("joined");
    layer.flush().await.expect("flushed");
    assert_eq!(layer.group_count(), 0);
    layer.close().await.expect("closed");
    let error = layer
        .group_send(
            group,
            Said {
                text: "lost".into(),
            }
            .into(),
            None,
        )
        .await;
    let error = error.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Layer);
    assert_eq!(
        error
            .into_unsent::<Event>()
            .expect("the event")
            .event_type()
            .as_str(),
        "group.said"
    );
    assert!(
        layer
            .new_channel(Arc::new(Counter::default()))
            .await
            .is_err()
    );
}
