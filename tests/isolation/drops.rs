//! The `Drop`, the key and the frame of an event, which are user code.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{Bytes, ChannelLayer, GroupName};
use tokio::sync::Notify;

use crate::bench::{OnDrop, Senders, keep_log, on_line, on_threads, was_logged};
use crate::support::{DEADLINE, Journal, until, within};

#[derive(Event, Serialize, Deserialize)]
#[event("drops.bomb", key(id))]
struct Bomb {
    id: Id,
    #[serde(skip)]
    on_drop: OnDrop,
}

/// A key whose `Hash` may call back.
#[derive(Clone, Serialize, Deserialize)]
struct Id {
    id: u32,
    #[serde(skip)]
    on_hash: Option<Hashed>,
}

#[derive(Clone)]
struct Hashed(Arc<dyn Fn() + Send + Sync>);

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(Hashed(on_hash)) = &self.on_hash {
            on_hash();
        }
        self.id.hash(state);
    }
}

impl Bomb {
    fn new(id: u32, on_drop: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            id: Id { id, on_hash: None },
            on_drop: OnDrop::call(on_drop),
        }
    }
}

/// What the consumers of a test share.
#[derive(Clone, Default)]
struct Shared {
    senders: Senders,
    released: Arc<Notify>,
    journal: Journal,
}

/// A consumer whose handler can be held, so that events wait, with its policy for a full mailbox.
macro_rules! held {
    ($name:ident, $policy:ident $(, $relay:ident)?) => {
        #[consumer(groups("held"), mailbox = 1, overflow = $policy)]
        struct $name(Shared);

        #[consumer]
        impl $name {
            async fn connect(&mut self, socket: &mut WebSocket) {
                self.0.senders.add(socket.sender());
            }

            async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
                if text == "hold" {
                    self.0.journal.note("held");
                    self.0.released.notified().await;
                }
                socket.send(text).await
            }

            #[handler("drops.bomb" $(, $relay)?)]
            async fn bomb(&mut self, socket: &mut WebSocket, event: &Bomb) -> Result {
                socket.send_json(event).await
            }

            async fn disconnect(&mut self) {
                self.0.journal.note("disconnect");
            }
        }
    };
}

held!(Oldest, drop_oldest);
held!(Newest, drop_newest);
held!(Keyed, coalesce);
held!(Closing, close);
held!(Relaying, drop_oldest, relay);

#[consumer]
#[derive(Default)]
struct Echo;

#[consumer]
impl Echo {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }
}

struct Rig {
    shared: Shared,
    layer: InMemoryChannelLayer,
    app: ProtocolTypeRouter,
    held: WebsocketCommunicator,
}

impl Rig {
    /// A socket whose handler is held, so that what is sent to its group waits.
    async fn new<A: channels::WebSocketApp>(app: impl FnOnce(Shared) -> A) -> Self {
        Self::with_limits(app, Limits::default()).await
    }

    async fn with_limits<A: channels::WebSocketApp>(
        app: impl FnOnce(Shared) -> A,
        limits: Limits,
    ) -> Self {
        keep_log();
        let (shared, layer) = (Shared::default(), InMemoryChannelLayer::new());
        let router = URLRouter::new()
            .path("held/", app(shared.clone()))
            .path("echo/", Echo::app());
        let app = ProtocolTypeRouter::new()
            .channel_layer(layer.clone())
            .limits(limits)
            .websocket(router);
        let mut held = WebsocketCommunicator::new(&app, "/held/");
        held.connect().await.expect("accepted");
        held.send("hold").await.expect("sent");
        until("the handler is held", || shared.journal.count("held") == 1).await;
        Self {
            shared,
            layer,
            app,
            held,
        }
    }

    async fn send(&mut self, event: Bomb) {
        let group = GroupName::new("held").expect("a name");
        let sent = within(self.layer.group_send(group, event.into(), None)).await;
        sent.expect("a layer in memory");
    }

    /// Other sockets work, and nothing of the held one is left once it has ended.
    async fn goes_on(self) {
        let Self {
            shared,
            layer,
            app,
            held,
        } = self;
        let mut echo = WebsocketCommunicator::new(&app, "/echo/");
        within(echo.connect()).await.expect("accepted");
        echo.send("alive").await.expect("sent");
        let heard: String = within(echo.receive()).await.expect("an echo");
        assert_eq!(heard, "alive");
        shared.released.notify_one();
        shared.senders.close();
        drop(held);
        until("it has ended", || shared.journal.count("disconnect") == 1).await;
        until("no member is left", || {
            layer.channel_count() == 0 && layer.group_count() == 0
        })
        .await;
        drop(echo);
        until("no connection is left", || app.context().connections() == 0).await;
    }
}

/// Each event closes the socket in whose mailbox it waits when it is dropped.
async fn closing_drops<A: channels::WebSocketApp>(app: impl FnOnce(Shared) -> A) {
    let mut rig = Rig::new(app).await;
    for id in [1, 1, 2] {
        let senders = rig.shared.senders.clone();
        rig.send(Bomb::new(id, move || senders.close())).await;
    }
    // The rest of them is dropped by the close.
    rig.shared.senders.close();
    rig.goes_on().await;
}

#[test]
fn an_event_that_closes_its_socket_when_it_is_dropped_freezes_nobody() {
    on_threads(closing_drops(|shared| {
        Oldest::app_with(move |_| Oldest(shared.clone()))
    }));
    on_threads(closing_drops(|shared| {
        Newest::app_with(move |_| Newest(shared.clone()))
    }));
    on_threads(closing_drops(|shared| {
        Keyed::app_with(move |_| Keyed(shared.clone()))
    }));
    on_threads(closing_drops(|shared| {
        Closing::app_with(move |_| Closing(shared.clone()))
    }));
    on_threads(closing_drops(|shared| {
        Relaying::app_with(move |_| Relaying(shared.clone()))
    }));
}

#[test]
fn an_event_that_panics_when_it_is_dropped_takes_nobody_with_it() {
    on_threads(async {
        let mut rig = Rig::new(|shared| Oldest::app_with(move |_| Oldest(shared.clone()))).await;
        let before = rig.app.context().stats().isolated_panics();
        for id in 0..3 {
            rig.send(Bomb::new(id, move || {
                // The last one is dropped by its handler, which would be the handler's own end.
                assert_eq!(id, 2, "the bomb {id} explodes");
            }))
            .await;
        }
        let stats = rig.app.context().stats();
        assert!(stats.isolated_panics() >= before + 2);
        assert_eq!(stats.drops(channels::DropReason::Oldest), 2);
        assert!(was_logged(&["ERROR", "the bomb 0 explodes"]));
        // At a rate that all tests of this program share.
        let deadline = Instant::now() + DEADLINE;
        let parts = [
            ["WARN", "mailbox full", "drops::Oldest", "drops.bomb"],
            [
                "WARN",
                "members of a group dropped events",
                "held",
                "drops.bomb",
            ],
        ];
        while !parts.iter().all(|parts| was_logged(parts)) {
            assert!(Instant::now() < deadline, "it is never logged");
            rig.send(Bomb::new(3, || {})).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rig.goes_on().await;
    });
}

#[test]
fn a_relayed_event_that_closes_its_socket_when_it_is_dropped_freezes_nobody() {
    on_threads(async {
        let mut rig =
            Rig::new(|shared| Relaying::app_with(move |_| Relaying(shared.clone()))).await;
        let senders = rig.shared.senders.clone();
        rig.send(Bomb::new(1, move || senders.close())).await;
        rig.shared.released.notify_one();
        rig.goes_on().await;
    });
}

#[test]
fn a_key_that_closes_its_socket_or_panics_freezes_nobody() {
    for panics in [false, true] {
        on_threads(async move {
            let mut rig = Rig::new(|shared| Keyed::app_with(move |_| Keyed(shared.clone()))).await;
            for _ in 0..3 {
                let senders = rig.shared.senders.clone();
                let hashed = Hashed(Arc::new(move || {
                    assert!(!panics, "the key panics");
                    senders.close();
                }));
                rig.send(Bomb {
                    id: Id {
                        id: 1,
                        on_hash: Some(hashed),
                    },
                    on_drop: OnDrop::default(),
                })
                .await;
            }
            rig.goes_on().await;
        });
    }
    assert!(was_logged(&["ERROR", "the key panics"]));
}

#[test]
fn a_payload_that_closes_its_socket_when_it_is_dropped_freezes_nobody() {
    struct Owner(#[expect(dead_code, reason = "for its `Drop`")] OnDrop);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            b"owned"
        }
    }

    on_threads(async {
        let mut rig = Rig::new(|shared| Oldest::app_with(move |_| Oldest(shared.clone()))).await;
        let senders = rig.shared.senders.clone();
        let sender = senders.get(0);
        let owner = Owner(OnDrop::call(move || senders.close()));
        within(sender.send(Bytes::from_owner(owner)))
            .await
            .expect("sent");
        let heard: Bytes = within(rig.held.receive()).await.expect("a message");
        assert_eq!(&*heard, b"owned");
        rig.goes_on().await;
    });
}

#[test]
fn a_subscriber_that_sends_and_closes_freezes_nobody() {
    on_threads(async {
        let mut rig = Rig::new(|shared| Newest::app_with(move |_| Newest(shared.clone()))).await;
        let (senders, layer) = (rig.shared.senders.clone(), rig.layer.clone());
        on_line(move |line| {
            if line.contains("drops::Newest") {
                let group = GroupName::new("held").expect("a name");
                let event = Event::new("drops.bomb", ()).expect("an event");
                drop(layer.group_send(group, event, None));
                senders.close();
            }
        });
        for id in 0..3 {
            rig.send(Bomb::new(id, || {})).await;
        }
        rig.goes_on().await;
    });
}

#[test]
fn a_subscriber_that_closes_a_socket_without_memory_freezes_nobody() {
    on_threads(async {
        let mut limits = Limits::default();
        limits.memory_bytes = 100_000;
        let newest = |shared: Shared| Newest::app_with(move |_| Newest(shared.clone()));
        let rig = Rig::with_limits(newest, limits).await;
        let (senders, closed) = (rig.shared.senders.clone(), Arc::new(AtomicBool::new(false)));
        let noted = Arc::clone(&closed);
        on_line(move |line| {
            if line.contains("memory limit reached") {
                senders.close();
                noted.store(true, Ordering::Relaxed);
            }
        });
        for _ in 0..3 {
            let fields = serde_json::json!({ "text": "x".repeat(200_000) });
            let event = Event::new("drops.bomb", fields).expect("an event");
            let group = GroupName::new("held").expect("a name");
            let sent = within(rig.layer.group_send(group, event, None)).await;
            sent.expect("a layer in memory");
        }
        assert!(closed.load(Ordering::Relaxed), "the line was written");
        rig.goes_on().await;
    });
}

#[test]
fn a_consumer_that_panics_when_it_is_dropped_is_counted() {
    #[consumer(groups("fragile"))]
    struct Fragile(#[expect(dead_code, reason = "for its `Drop`")] OnDrop);

    #[consumer]
    impl Fragile {
        #[handler("drops.bomb")]
        async fn bomb(&mut self, _event: &Bomb) {}
    }

    on_threads(async {
        keep_log();
        let layer = InMemoryChannelLayer::new();
        let fragile = || Fragile(OnDrop::call(|| panic!("the consumer breaks")));
        let app = ProtocolTypeRouter::new()
            .channel_layer(layer.clone())
            .websocket(URLRouter::new().path("ws/", Fragile::app_with(move |_| fragile())));
        let mut client = WebsocketCommunicator::new(&app, "/ws/");
        client.connect().await.expect("accepted");
        assert_eq!(layer.channel_count(), 1);
        client.vanish();
        until("no connection is left", || {
            app.context().connections() == 0 && layer.channel_count() == 0
        })
        .await;
        until("it is logged", || {
            was_logged(&["ERROR", "the `Drop` of a consumer", "the consumer breaks"])
        })
        .await;
    });
}
