//! Plain `fn` handlers: they may block, and nobody else waits for them.

mod support;

use std::time::{Duration, Instant};

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use support::{Journal, app, within};

#[derive(Event, Serialize, Deserialize)]
#[event("sync.said")]
struct Said {
    text: String,
}

#[consumer(groups("sync"))]
#[derive(Default)]
struct Sleeper {
    received: u32,
}

#[consumer]
impl Sleeper {
    fn connect(&mut self, socket: &mut BlockingWebSocket) -> Result {
        if socket.scope().query_string() == "deny" {
            return socket.deny(StatusCode::FORBIDDEN);
        }
        socket.accept()
    }

    fn receive(&mut self, socket: &mut BlockingWebSocket, text: String) -> Result {
        self.received += 1;
        match text.as_str() {
            "panic" => panic!("as told"),
            "tell" => socket.group_send("sync", Said { text }),
            "flood" => (0..64).try_for_each(|_| socket.send("x".repeat(64 * 1024))),
            _ => {
                std::thread::sleep(Duration::from_millis(500));
                socket.send(format!("{text} {}", self.received))
            }
        }
    }

    #[handler("sync.said")]
    fn said(&mut self, socket: &mut BlockingWebSocket, event: &Said) -> Result {
        socket.send(event.text.as_str())
    }
}

/// Sync and async handlers in one consumer.
#[consumer]
struct Mixed {
    journal: Journal,
}

#[consumer]
impl Mixed {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        let thread = std::thread::current().id();
        let elsewhere = channels::blocking(move || std::thread::current().id() != thread).await;
        assert!(elsewhere);
        socket.send(text).await
    }

    fn disconnect(&mut self, code: CloseCode) {
        self.journal.note(format!("disconnect {code}"));
    }
}

async fn connected(app: &ProtocolTypeRouter) -> WebsocketCommunicator {
    let mut client = WebsocketCommunicator::new(app, "/ws/");
    client.connect().await.expect("accepted");
    client
}

async fn four_sleep_at_once() {
    let app = app(Sleeper::app());
    let echo = support::app(Mixed::app_with(|_| Mixed {
        journal: Journal::default(),
    }));
    let mut sleepers = Vec::new();
    for _ in 0..4 {
        sleepers.push(connected(&app).await);
    }
    let mut awake = connected(&echo).await;

    let started = Instant::now();
    for client in &mut sleepers {
        client.send("slept").await.expect("sent");
    }
    awake.send("quick").await.expect("sent");
    assert_eq!(awake.receive::<String>().await.expect("the echo"), "quick");
    assert!(
        started.elapsed() < Duration::from_millis(400),
        "the echo waited for the sleepers"
    );
    for client in &mut sleepers {
        assert_eq!(
            client.receive::<String>().await.expect("an answer"),
            "slept 1"
        );
    }
    let took = started.elapsed();
    assert!(
        took < Duration::from_millis(1500),
        "four sleeps of 0.5 s took {took:?}"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn blocking_handlers_run_side_by_side_on_one_thread_s_runtime() {
    within(four_sleep_at_once()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_handlers_run_side_by_side_on_many_threads() {
    within(four_sleep_at_once()).await;
}

#[tokio::test]
async fn a_blocking_handler_can_do_what_an_async_one_can() {
    let app = app(Sleeper::app());
    let mut refused = WebsocketCommunicator::new(&app, "/ws/?deny");
    assert_eq!(refused.connect().await.expect_err("refused").status(), 403);

    let (mut one, mut other) = (connected(&app).await, connected(&app).await);
    one.send("tell").await.expect("sent");
    assert_eq!(one.receive::<String>().await.expect("told"), "tell");
    assert_eq!(other.receive::<String>().await.expect("told"), "tell");

    one.send("panic").await.expect("sent");
    assert_eq!(
        one.closed().await.expect("closed").expect("a frame").code,
        CloseCode::INTERNAL_ERROR
    );
    other.send("alive").await.expect("sent");
    assert_eq!(
        other.receive::<String>().await.expect("an answer"),
        "alive 1"
    );
}

#[tokio::test]
async fn a_blocking_handler_waits_where_the_client_does_not_read() {
    let app = app(Sleeper::app());
    let mut client = connected(&app).await;
    client.send("flood").await.expect("sent");
    for _ in 0..64 {
        let text: String = within(client.receive()).await.expect("all of the flood");
        assert_eq!(text.len(), 64 * 1024);
    }
}

#[tokio::test]
async fn sync_and_async_handlers_live_in_one_consumer() {
    let journal = Journal::default();
    let app = app(Mixed::app_with({
        let journal = journal.clone();
        move |_| Mixed {
            journal: journal.clone(),
        }
    }));
    let mut client = connected(&app).await;
    client.send("hello").await.expect("sent");
    assert_eq!(client.receive::<String>().await.expect("the echo"), "hello");
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    support::until("disconnected", || journal.count("disconnect 1000") == 1).await;
}
