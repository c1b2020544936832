//! A connection's life, rule by rule (ARCHITECTURE.md, "The life of a connection").

mod support;

use std::time::Duration;

use channels::DropReason;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use support::{Journal, app, until, within};

#[derive(Event, Serialize, Deserialize)]
#[event("life.do")]
struct Do {
    what: String,
}

/// Does what its client or an event tells it, and keeps a journal.
#[consumer(groups("lives"))]
struct Life {
    journal: Journal,
}

#[consumer]
impl Life {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        self.journal.note("connect");
        match socket.scope().query_string() {
            "deny" => {
                socket
                    .deny(StatusCode::IM_A_TEAPOT)
                    .header("x-why", "tea")
                    .body("no coffee")
                    .await
            }
            "deny-error" => Err(DenyConnection.into()),
            "accept-error" => Err(AcceptConnection.into()),
            "stop" => Err(Stop.into()),
            "fail" => Err(Error::other("the secret of the server")),
            "panic" => panic!("as told"),
            "close" => socket.close(CloseCode::NORMAL, "").await,
            "hang" => std::future::pending().await,
            "subprotocol" => {
                socket
                    .accept()
                    .subprotocol("v2")
                    .header("x-accepted", "yes")
                    .await
            }
            "foreign-subprotocol" => socket.accept().subprotocol("v9").await,
            "twice" => {
                socket.accept().await?;
                let error = socket.accept().await.expect_err("accepted twice");
                socket.send(error.to_string()).await
            }
            "early" => {
                let error = socket
                    .send("too early")
                    .await
                    .expect_err("nothing is accepted yet");
                let unsent: Message = error.into_unsent().expect("the message");
                socket.accept().await?;
                socket.send(unsent).await
            }
            "accept-then-close" => {
                socket.accept().await?;
                socket.send("bye").await?;
                socket.close(CloseCode::new(4001)?, "at once").await
            }
            "slow" => {
                socket.accept().await?;
                tokio::time::sleep(Duration::from_secs(3)).await;
                socket.send("connected at last").await
            }
            _ => Ok(()),
        }
    }

    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        self.journal.note(format!("receive {text}"));
        self.act(socket, &text).await
    }

    #[handler("life.do")]
    async fn told(&mut self, socket: &mut WebSocket, event: Do) -> Result {
        self.journal.note(format!("told {}", event.what));
        self.act(socket, &event.what).await
    }

    async fn disconnect(&mut self, socket: &mut WebSocket, why: Disconnect) -> Result {
        self.journal.note(format!(
            "disconnect {} {} {:?}",
            why.code, why.reason, why.by
        ));
        let error = socket
            .send("too late")
            .await
            .expect_err("the connection is over");
        assert_eq!(error.kind(), ErrorKind::Closed);
        Ok(())
    }
}

impl Life {
    async fn act(&self, socket: &mut WebSocket, what: &str) -> Result {
        match what {
            "panic" => panic!("as told"),
            "fail" => Err(Error::other("the secret of the server")),
            "stop" => Err(Stop.into()),
            "close" => {
                socket.close(CloseCode::new(4000)?, "as told").await?;
                socket.close(CloseCode::NORMAL, "again").await?;
                assert!(socket.send("too late").await.is_err());
                Ok(())
            }
            "accept-error" => Err(AcceptConnection.into()),
            "nap" => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                self.journal.note("woke up");
                socket.send("good morning").await
            }
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                self.journal.note("woke up much later");
                Ok(())
            }
            "nothing" => Ok(()),
            echo => socket.send(echo).await,
        }
    }
}

struct Fixture {
    app: ProtocolTypeRouter,
    layer: InMemoryChannelLayer,
    journal: Journal,
}

fn fixture() -> Fixture {
    let (journal, layer) = (Journal::default(), InMemoryChannelLayer::new());
    let consumer = Life::app_with({
        let journal = journal.clone();
        move |_| Life {
            journal: journal.clone(),
        }
    });
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_secs(2);
    Fixture {
        app: app(consumer).channel_layer(layer.clone()).limits(limits),
        layer,
        journal,
    }
}

impl Fixture {
    fn client(&self, query: &str) -> WebsocketCommunicator {
        WebsocketCommunicator::new(&self.app, &format!("/ws/?{query}"))
    }

    async fn connected(&self) -> WebsocketCommunicator {
        let mut client = self.client("");
        client.connect().await.expect("accepted");
        client
    }

    /// Waits until the connection has ended, and tells with what `disconnect` was called.
    async fn disconnects(&self) -> Vec<String> {
        until("no connection is left", || {
            self.app.context().connections() == 0
        })
        .await;
        assert_eq!(self.layer.channel_count(), 0, "a channel is left");
        assert_eq!(self.layer.group_count(), 0, "a membership is left");
        let lines = self.journal.lines().into_iter();
        lines
            .filter_map(|line| line.strip_prefix("disconnect ").map(str::to_owned))
            .collect()
    }

    async fn tell(&self, what: &str) {
        let event = Do {
            what: what.to_owned(),
        };
        Group::<Life>::new("lives")
            .expect("a name")
            .send(&self.layer, event)
            .await
            .expect("the layer is open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_decides_nothing_accepts() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("hello").await.expect("sent");
    assert_eq!(client.receive::<String>().await.expect("the echo"), "hello");
    client
        .close(CloseCode::new(4321).expect("a code"), "enough")
        .await
        .expect("closed");
    assert_eq!(fixture.disconnects().await, ["4321 enough Peer"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_reaches_the_client_and_leaves_nothing() {
    for (query, status) in [
        ("deny", StatusCode::IM_A_TEAPOT),
        ("deny-error", StatusCode::FORBIDDEN),
        ("close", StatusCode::FORBIDDEN),
        ("fail", StatusCode::INTERNAL_SERVER_ERROR),
        ("panic", StatusCode::INTERNAL_SERVER_ERROR),
        ("stop", StatusCode::FORBIDDEN),
        ("foreign-subprotocol", StatusCode::INTERNAL_SERVER_ERROR),
        ("hang", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let fixture = fixture();
        let mut client = fixture.client(query);
        let refused = client.connect().await.expect_err(query);
        assert_eq!(refused.status(), status, "{query}");
        assert_eq!(fixture.disconnects().await, Vec::<String>::new(), "{query}");
        let body = String::from_utf8_lossy(refused.response().body()).into_owned();
        assert!(!body.contains("secret"), "{query}: {body}");
        if query == "deny" {
            assert_eq!(body, "no coffee");
            assert_eq!(refused.response().headers()["x-why"], "tea");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn accepting_takes_a_subprotocol_that_was_offered_and_headers() {
    let fixture = fixture();
    let mut client = fixture.client("subprotocol").subprotocols(&["v1", "v2"]);
    let accepted = client.connect().await.expect("accepted");
    assert_eq!(accepted.subprotocol.as_deref(), Some("v2"));
    assert_eq!(accepted.headers["x-accepted"], "yes");

    let mut client = fixture.client("subprotocol").subprotocols(&["v1"]);
    assert_eq!(
        client.connect().await.expect_err("not offered").status(),
        500
    );
}

#[tokio::test(start_paused = true)]
async fn a_handshake_is_answered_once_and_nothing_is_sent_before() {
    let fixture = fixture();
    let mut client = fixture.client("twice");
    client.connect().await.expect("accepted");
    let said: String = client.receive().await.expect("a message");
    assert_eq!(said, "the handshake was answered already");

    let mut client = fixture.client("early");
    client.connect().await.expect("accepted");
    assert_eq!(
        client
            .receive::<String>()
            .await
            .expect("the unsent message"),
        "too early"
    );

    let mut client = fixture.client("accept-error");
    client.connect().await.expect("accepted");
}

#[tokio::test(start_paused = true)]
async fn closing_while_connecting_says_what_was_said() {
    let fixture = fixture();
    let mut client = fixture.client("accept-then-close");
    client.connect().await.expect("accepted");
    assert_eq!(client.receive::<String>().await.expect("a message"), "bye");
    let frame = client.closed().await.expect("closed").expect("a frame");
    assert_eq!((frame.code.into(), &*frame.reason), (4001_u16, "at once"));
    assert_eq!(fixture.disconnects().await, ["4001 at once Consumer"]);
}

#[tokio::test(start_paused = true)]
async fn no_frame_is_handled_before_connect_ends() {
    let fixture = fixture();
    let mut client = fixture.client("slow");
    client.connect().await.expect("accepted");
    client.send("impatient").await.expect("sent");
    assert_eq!(
        client.receive::<String>().await.expect("first"),
        "connected at last"
    );
    assert_eq!(
        client.receive::<String>().await.expect("second"),
        "impatient"
    );
}

#[tokio::test(start_paused = true)]
async fn groups_are_joined_on_acceptance_and_never_by_a_refused_socket() {
    let fixture = fixture();
    let group = channels::GroupName::new("lives").expect("a name");
    let mut hanging = fixture.client("hang");
    let handshake = tokio::spawn(async move { hanging.connect().await.map(|_| ()) });
    until("connect runs", || fixture.journal.count("connect") == 1).await;
    assert_eq!(fixture.layer.member_count(group), 0);
    let client = fixture.connected().await;
    assert_eq!(
        fixture.layer.member_count(group),
        1,
        "a member when the client has its 101"
    );
    drop(client);
    handshake.abort();
    assert_eq!(fixture.disconnects().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_end_disconnects_once_and_leaves_nothing() {
    for (what, code, expected) in [
        ("panic", Some(1011), "1011  Failure"),
        ("fail", Some(1011), "1011  Failure"),
        ("accept-error", Some(1011), "1011  Failure"),
        ("stop", Some(1000), "1000  Consumer"),
        ("close", Some(4000), "4000 as told Consumer"),
    ] {
        for by_event in [false, true] {
            let fixture = fixture();
            let mut client = fixture.connected().await;
            if by_event {
                fixture.tell(what).await;
            } else {
                client.send(what).await.expect("sent");
            }
            let frame = client.closed().await.expect("closed").expect("a frame");
            assert_eq!(Some(u16::from(frame.code)), code, "{what}");
            assert!(!frame.reason.contains("secret"), "{what}");
            assert_eq!(
                fixture.disconnects().await,
                [expected],
                "{what} by event: {by_event}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_disconnects_with_1006() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.vanish();
    assert_eq!(fixture.disconnects().await, ["1006  Lost"]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_receives_nothing_still_listens() {
    #[consumer(groups("lives"))]
    #[derive(Default)]
    struct Deaf;

    #[consumer]
    impl Deaf {
        #[handler("life.do")]
        async fn told(&mut self, socket: &mut WebSocket, event: Do) -> Result {
            socket.send(event.what).await
        }
    }

    let mut limits = Limits::default();
    limits.ping_interval = Duration::ZERO;
    let app = app(Deaf::app()).limits(limits);
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    for text in ["one", "two", "three"] {
        client.send(text).await.expect("sent");
    }
    client.ping("are you there").await.expect("sent");
    let pong = client.receive_pong().await.expect("a pong");
    assert_eq!(pong, "are you there");
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    until("nothing is left", || app.context().connections() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn one_panic_harms_no_other_connection() {
    let fixture = fixture();
    let (mut one, mut other) = (fixture.connected().await, fixture.connected().await);
    one.send("panic").await.expect("sent");
    assert_eq!(
        one.closed().await.expect("closed").expect("a frame").code,
        CloseCode::INTERNAL_ERROR
    );
    other.send("still here").await.expect("sent");
    assert_eq!(
        other.receive::<String>().await.expect("the echo"),
        "still here"
    );
    assert_eq!(fixture.app.context().stats().panics(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_a_handler_runs_pings_are_answered_and_the_end_is_noticed() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("sleep").await.expect("sent");
    client.ping("are you there").await.expect("sent");
    assert_eq!(
        client.receive_pong().await.expect("a pong"),
        "are you there"
    );
    client
        .close(CloseCode::GOING_AWAY, "")
        .await
        .expect("closed");
    assert_eq!(
        fixture.disconnects().await,
        ["1001  Peer"],
        "after the grace period"
    );
    assert_eq!(fixture.journal.count("woke up much later"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_the_close_is_handled_before_disconnect() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("nap").await.expect("sent");
    client.send("nothing").await.expect("sent");
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    assert_eq!(fixture.disconnects().await, ["1000  Peer"]);
    let lines = fixture.journal.lines();
    assert_eq!(
        lines,
        [
            "connect",
            "receive nap",
            "woke up",
            "receive nothing",
            "disconnect 1000  Peer"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_running_handler_has_its_grace_and_none_starts_after_it() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("sleep").await.expect("sent");
    client.send("nothing").await.expect("sent");
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    let started = tokio::time::Instant::now();
    assert_eq!(fixture.disconnects().await, ["1000  Peer"]);
    assert_eq!(started.elapsed().as_secs(), 10, "the grace period");
    assert_eq!(
        fixture.journal.lines(),
        ["connect", "receive sleep", "disconnect 1000  Peer"]
    );
}

#[tokio::test(start_paused = true)]
async fn no_handler_starts_after_our_own_close() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("close").await.expect("sent");
    client.send("nothing").await.expect("sent");
    fixture.tell("nothing").await;
    client.closed().await.expect("closed");
    assert_eq!(fixture.disconnects().await, ["4000 as told Consumer"]);
    assert_eq!(
        fixture.journal.lines(),
        [
            "connect",
            "receive close",
            "disconnect 4000 as told Consumer"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn frames_and_events_are_handled_one_at_a_time_each_source_in_order() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("nap").await.expect("sent");
    for number in 0..8 {
        client.send(format!("frame {number}")).await.expect("sent");
        fixture.tell(&format!("event {number}")).await;
    }
    let mut said = Vec::new();
    for _ in 0..17 {
        said.push(client.receive::<String>().await.expect("an answer"));
    }
    let of = |kind: &str| -> Vec<String> {
        said.iter()
            .filter(|line| line.starts_with(kind))
            .cloned()
            .collect()
    };
    assert_eq!(
        of("frame"),
        (0..8)
            .map(|number| format!("frame {number}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        of("event"),
        (0..8)
            .map(|number| format!("event {number}"))
            .collect::<Vec<_>>()
    );
    assert!(said.contains(&"good morning".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_drops_and_counts() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    client.send("nap").await.expect("sent");
    until("the handler runs", || {
        fixture.journal.count("receive nap") == 1
    })
    .await;
    for number in 0..150 {
        fixture.tell(&format!("event {number}")).await;
    }
    assert_eq!(fixture.app.context().stats().drops(DropReason::Newest), 50);
    assert_eq!(
        client.receive::<String>().await.expect("awake"),
        "good morning"
    );
    for number in 0..100 {
        assert_eq!(
            client.receive::<String>().await.expect("kept"),
            format!("event {number}")
        );
    }
    assert!(client.receives_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_closes_with_1012_and_refuses_newcomers() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    let app = fixture.app.clone();
    let shutdown = tokio::spawn(async move { app.shutdown().await });
    let frame = client.closed().await.expect("closed").expect("a frame");
    assert_eq!(frame.code, CloseCode::SERVICE_RESTART);
    within(shutdown).await.expect("the shutdown ends");
    assert_eq!(
        fixture.disconnects().await,
        ["1012 the server restarts Shutdown"]
    );
    let refused = fixture.client("").connect().await.expect_err("shut down");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_then_lost() {
    let fixture = fixture();
    let mut client = fixture.connected().await;
    let started = tokio::time::Instant::now();
    client.receive_ping().await.expect("a ping");
    let waited = started.elapsed();
    assert!(
        (15..=30).contains(&waited.as_secs()),
        "pinged after {waited:?}"
    );
    // Answering needs the client to read; it does not any more.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fixture.disconnects().await, ["1006  Lost"]);
}
