//! Groups and channels whose names a client chooses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{ChannelName, Delivered, GroupName, Limits, Receiver};
use serde_json::json;

use crate::support::{self, until, within};

/// A crowd, for a test that is built without optimization and may have half a core.
const CROWD: usize = 40_000;

/// The longest time for which a thread may not get to another socket. A test machine that is busy
/// needs most of it; a loop that keeps the thread took 9 s.
const LATENCY: Duration = Duration::from_millis(500);

/// Joins and leaves as many groups as it is told to, without a pause of its own.
#[consumer]
#[derive(Default)]
struct Joiner;

#[consumer]
impl Joiner {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        let (verb, count) = text.split_once(' ').unwrap_or((&text, "0"));
        for number in 0..count.parse().unwrap_or(0_usize) {
            let group = format!("room.{number}");
            match verb {
                "join" => socket.group_add(&group).await?,
                "leave" => socket.group_discard(&group).await?,
                "send" => socket.group_send("nobody", event()?).await?,
                // A cycle that stays below any limit.
                "cycle" => {
                    socket.group_add("one").await?;
                    socket.group_discard("one").await?;
                }
                _ => return socket.send(text).await,
            }
        }
        socket.send(text).await
    }

    #[handler("crowd.said")]
    async fn said(&mut self, socket: &mut WebSocket) -> Result {
        socket.send("said").await
    }
}

fn event() -> Result<Event> {
    Event::new("crowd.said", json!({}))
}

fn app(layer: &InMemoryChannelLayer, groups: usize) -> ProtocolTypeRouter {
    let mut limits = Limits::default();
    limits.groups = groups;
    let app = support::app(Joiner::app());
    app.channel_layer(layer.clone()).limits(limits)
}

async fn connect(app: &ProtocolTypeRouter) -> WebsocketCommunicator {
    let mut socket = WebsocketCommunicator::new(app, "/ws/");
    within(socket.connect()).await.expect("a socket");
    socket
}

async fn ask(socket: &mut WebsocketCommunicator, text: &str) {
    socket.send(text).await.expect("sent");
    let answer = within(socket.receive::<String>()).await;
    assert_eq!(answer.expect("an answer"), text);
}

/// Echoes on one socket until another has its answer. Returns the longest time of an echo.
async fn slowest_echo_while(
    other: &mut WebsocketCommunicator,
    attacker: &mut WebsocketCommunicator,
    text: &str,
) -> Duration {
    attacker.send(text).await.expect("sent");
    let attack = attacker.receive::<String>();
    tokio::pin!(attack);
    let mut slowest = Duration::ZERO;
    loop {
        let begin = Instant::now();
        tokio::select! {
            biased;
            answer = &mut attack => {
                assert_eq!(answer.expect("an answer"), text);
                return slowest;
            }
            () = ask(other, "echo") => slowest = slowest.max(begin.elapsed()),
        }
    }
}

/// On one thread, as the attacker and everybody else are.
#[tokio::test]
async fn a_loop_of_joins_keeps_no_other_socket_waiting() {
    let layer = InMemoryChannelLayer::new();
    let app = app(&layer, CROWD);
    let (mut other, mut attacker) = (connect(&app).await, connect(&app).await);
    for verb in ["join", "leave", "cycle", "send"] {
        let text = format!("{verb} {CROWD}");
        let slowest = within(slowest_echo_while(&mut other, &mut attacker, &text)).await;
        assert!(slowest < LATENCY, "{verb}: {slowest:?}");
    }
    assert_eq!(layer.group_count(), 0);
}

#[tokio::test]
async fn the_end_of_a_socket_in_a_crowd_of_groups_keeps_no_other_waiting() {
    let layer = InMemoryChannelLayer::new();
    let app = app(&layer, CROWD);
    let (mut other, mut attacker) = (connect(&app).await, connect(&app).await);
    ask(&mut attacker, &format!("join {CROWD}")).await;
    assert_eq!(layer.group_count(), CROWD);
    drop(attacker);
    let mut slowest = Duration::ZERO;
    within(async {
        while layer.group_count() > 0 {
            let begin = Instant::now();
            ask(&mut other, "echo").await;
            slowest = slowest.max(begin.elapsed());
        }
    })
    .await;
    assert!(slowest < LATENCY, "{slowest:?}");
    until("the channel is gone", || layer.channel_count() == 1).await;
}

/// The limit is an error of the handler's, and closes the socket if the handler passes it on.
#[tokio::test]
async fn a_socket_joins_so_many_groups_and_no_more() {
    let layer = InMemoryChannelLayer::new();
    let app = app(&layer, Limits::default().groups);
    let mut attacker = connect(&app).await;
    ask(&mut attacker, "join 1000").await;
    // Those that it has joined count once, and those that it has left do not.
    ask(&mut attacker, "join 1000").await;
    ask(&mut attacker, "leave 10").await;
    ask(&mut attacker, "join 10").await;
    attacker.send("join 1001").await.expect("sent");
    let frame = within(attacker.closed()).await.expect("an end");
    assert_eq!(
        frame.expect("a frame").code,
        CloseCode::POLICY_VIOLATION,
        "too many"
    );
    until("all are left", || layer.group_count() == 0).await;
}

/// Members come and go in crowds while others send and flush: who is in no group gets nothing, and
/// nothing is left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn crowds_that_come_and_go_leave_nothing_behind() {
    let layer = InMemoryChannelLayer::new();
    let mut tasks = Vec::new();
    for task in 0..4 {
        let layer = layer.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..20_usize {
                let counter = Arc::new(Counter::default());
                let channel = layer.new_channel(Arc::clone(&counter) as _).await?;
                for number in 0..600 {
                    let name = format!("room.{}", (number * 7 + task * 13) % 900);
                    layer
                        .group_add(GroupName::new(&name)?, channel.name())
                        .await?;
                    if number % 3 == round % 3 {
                        layer
                            .group_discard(GroupName::new(&name)?, channel.name())
                            .await?;
                    }
                }
                if task == 0 {
                    layer.flush().await?;
                }
                let group = GroupName::new("room.7")?;
                layer.group_send(group, event()?, None).await?;
                drop(channel);
                drop(counter);
            }
            Ok::<_, Error>(())
        }));
    }
    for task in tasks {
        within(task).await.expect("no panic").expect("no error");
    }
    until("all groups are left", || layer.group_count() == 0).await;
    assert_eq!(layer.channel_count(), 0);
}

/// A flush beside a join is before or after it, never both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_member_that_joins_beside_a_flush_is_one_or_can_join_again() {
    let layer = InMemoryChannelLayer::new();
    let group = GroupName::new("room").expect("a group");
    let counter = Arc::new(Counter::default());
    let channel = layer.new_channel(Arc::clone(&counter) as _).await;
    let channel = channel.expect("a channel");
    let flushing = {
        let layer = layer.clone();
        tokio::spawn(async move {
            for _ in 0..2_000 {
                layer.flush().await.expect("flushed");
            }
        })
    };
    while !flushing.is_finished() {
        let joined = layer.group_add(group, channel.name()).await;
        joined.expect("joined");
        tokio::task::yield_now().await;
    }
    within(flushing).await.expect("no panic");
    layer
        .group_add(group, channel.name())
        .await
        .expect("joined");
    let before = counter.0.load(Ordering::Relaxed);
    let event = event().expect("an event");
    let delivery = layer.group_send(group, event, None).await.expect("sent");
    assert_eq!((delivery.matched, delivery.queued), (1, 1));
    assert_eq!(counter.0.load(Ordering::Relaxed), before + 1);
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Receiver for Counter {
    fn deliver(&self, _: &Event) -> Delivered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Delivered::Queued
    }
}

/// A receiver with a destructor that uses the layer: it would wait for itself under a lock.
struct Tidy(InMemoryChannelLayer);

impl Receiver for Tidy {
    fn deliver(&self, _: &Event) -> Delivered {
        Delivered::Queued
    }

    fn max_groups(&self) -> usize {
        self.0.channel_count() + 1_000
    }
}

impl Drop for Tidy {
    fn drop(&mut self) {
        for number in 0..1_000 {
            let name = format!("room.{number}");
            let group = GroupName::new(&name).expect("a group");
            let _ = self.0.member_count(group);
        }
        let _ = (self.0.channel_count(), self.0.queue_count());
    }
}

/// An event with such a destructor.
#[derive(Event, Clone)]
#[event("crowd.tidy")]
struct Kept {
    layer: Arc<Tidy>,
}

impl Serialize for Kept {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        serde::ser::SerializeMap::end(to.serialize_map(Some(0))?)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(from)?;
        let layer = Arc::new(Tidy(InMemoryChannelLayer::new()));
        Ok(Self { layer })
    }
}

#[test]
fn destructors_of_receivers_and_events_run_outside_of_the_locks() {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().expect("a runtime");
        runtime.block_on(use_the_layer());
        done.send(()).expect("the test waits");
    });
    let finished = finished.recv_timeout(support::DEADLINE);
    finished.expect("no destructor waits for a lock that its own thread holds");
}

async fn use_the_layer() {
    let layer = InMemoryChannelLayer::new().max_queues(1_000);
    let open = async || {
        let receiver = Arc::new(Tidy(layer.clone()));
        let channel = layer.new_channel(receiver).await.expect("a channel");
        for number in 0..1_000 {
            let name = format!("room.{number}");
            let group = GroupName::new(&name).expect("a group");
            layer
                .group_add(group, channel.name())
                .await
                .expect("joined");
        }
        channel
    };
    let channel = open().await;
    let group = GroupName::new("room.1").expect("a group");
    layer
        .group_discard(group, channel.name())
        .await
        .expect("left");
    layer.flush().await.expect("flushed");
    drop(channel);
    drop(open().await);
    until("all are left", || layer.group_count() == 0).await;

    let channel = ChannelName::new("job.1").expect("a channel");
    let kept = || Kept {
        layer: Arc::new(Tidy(layer.clone())),
    };
    for _ in 0..100 {
        layer.send(&channel, kept().into()).await.expect("room");
    }
    layer
        .send(&channel, kept().into())
        .await
        .expect_err("no room");
    layer.receive(&channel).await.expect("an event");
    layer.flush().await.expect("flushed");
    layer.send(&channel, kept().into()).await.expect("room");
    layer.close().await.expect("closed");
}

/// 300,000 channels of workers that a client has named kept 180 MB until somebody sent again.
#[tokio::test(start_paused = true)]
async fn names_of_channels_that_a_client_chooses_are_not_kept() {
    let layer = InMemoryChannelLayer::new();
    let mut refused = 0;
    for number in 0..300_000 {
        let channel = ChannelName::new(&format!("job.{number}")).expect("a channel");
        let event = event().expect("an event");
        if let Err(error) = layer.send(&channel, event).await {
            assert_eq!(error.kind(), ErrorKind::ChannelFull);
            refused += 1;
        }
    }
    assert_eq!((layer.queue_count(), refused), (1_000, 299_000));
    // Nobody sends or receives.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(layer.queue_count(), 0);
}
