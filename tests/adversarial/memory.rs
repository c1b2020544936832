//! The memory of the whole server has a limit.

use std::thread;
use std::time::Duration;

use channels::prelude::*;
use channels::testing::HttpCommunicator;
use channels::{DropReason, GroupName};

use super::client::{Client, Log, Server, answerer, frame, header, until};
use super::support::{Running, within};

const LIMIT: usize = 4 * 1024 * 1024;

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.memory_bytes = LIMIT;
    limits
}

#[test]
fn incomplete_messages_of_all_clients_have_a_bound_together() {
    let server = Server::start(limits());
    let stats = server.app.context().stats();
    let mut victim = Client::open(server.address);
    let mut clients: Vec<_> = (0..8).map(|_| Client::open(server.address)).collect();
    let mut bytes = header(0x82, 1024 * 1024);
    bytes.extend(vec![7; 900_000]);
    let writers: Vec<_> = clients
        .iter()
        .map(|client| {
            let (mut client, bytes) = (
                Client(client.0.try_clone().expect("a clone")),
                bytes.clone(),
            );
            thread::spawn(move || std::io::Write::write_all(&mut client.0, &bytes))
        })
        .collect();
    until("some are refused", || stats.memory_refusals() >= 1);
    assert!(
        stats.queued_bytes() < LIMIT + 3 * 1024 * 1024,
        "{}",
        stats.queued_bytes()
    );
    assert!(victim.median_echo() < Duration::from_secs(1));
    let refused = clients.iter_mut().filter_map(|client| {
        let timeout = Some(Duration::from_millis(500));
        client.0.set_read_timeout(timeout).expect("set");
        client.receive().ok()
    });
    let refused: Vec<_> = refused.collect();
    assert!(!refused.is_empty());
    for (first, payload) in refused {
        assert_eq!((first, &payload[..2]), (0x88, &1013_u16.to_be_bytes()[..]));
    }
    for writer in writers {
        let _ = writer.join().expect("no panic");
    }
    drop(clients);
    until("all is free", || stats.queued_bytes() == 0);
    Client::open(server.address).median_echo();
}

#[test]
fn without_memory_new_clients_get_503_and_the_log_stays_short() {
    let ((), lines) = Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut limits = Limits::default();
            limits.memory_bytes = 0;
            let (app, _, _) = answerer(limits);
            let server = Running::start(&app).await;
            let address = server.address;
            let asked = tokio::task::spawn_blocking(move || {
                for _ in 0..200 {
                    let (_, head) = Client::ask(address);
                    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
                    assert!(head.contains("retry-after: "), "{head}");
                }
            });
            within(asked).await.expect("no panic");
            assert_eq!(app.context().stats().memory_refusals(), 200);
        });
    });
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("memory limit reached"))
        .collect();
    assert!((1..=30).contains(&lines.len()), "{} lines", lines.len());
}

#[consumer(http)]
#[derive(Default)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange, body: Bytes) -> Result {
        http.send_response(StatusCode::OK, body).await
    }
}

#[tokio::test]
async fn without_memory_requests_get_503() {
    let mut limits = Limits::default();
    limits.memory_bytes = 0;
    let app = ProtocolTypeRouter::new()
        .http(URLRouter::new().path("", Page::app()))
        .limits(limits);
    let client = HttpCommunicator::post(&app, "/");
    let response = client.body("text").response().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
}

/// Clients that do not read, and hold all the memory, go before others suffer for long.
#[test]
fn clients_that_do_not_read_go_first() {
    let mut limits = limits();
    limits.ping_interval = Duration::from_millis(400);
    limits.ping_timeout = Duration::from_secs(60);
    let server = Server::start(limits);
    let stats = server.app.context().stats();
    let mut clients: Vec<_> = (0..3).map(|_| Client::open(server.address)).collect();
    for client in &mut clients {
        client.send(&frame(0x81, b"report 3000000"));
    }
    until("they are gone", || {
        server.journal.count("disconnect 1006 Lost") >= 2
    });
    until("there is memory", || stats.queued_bytes() < LIMIT);
    drop(clients);
}

/// An attacker fills the mailbox of a consumer that hangs, with events as large as one message.
#[test]
fn events_for_a_hanging_consumer_have_a_bound() {
    const EVENT: usize = 512 * 1024;
    let ((), lines) = Log::of(|| {
        let mut limits = Limits::default();
        limits.mailbox_bytes = 2 * 1024 * 1024;
        let server = Server::start(limits);
        let stats = server.app.context().stats();
        let mut client = Client::open(server.address);
        client.send(&frame(0x81, b"hang"));
        until("it hangs", || server.journal.count("hang") == 1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            for _ in 0..90 {
                let text = "x".repeat(EVENT);
                let event = Event::new("any.event", serde_json::json!({ "text": text }));
                let group = GroupName::new("answerers").expect("a name");
                let sent = server
                    .layer
                    .group_send(group, event.expect("an event"), None);
                within(sent).await.expect("the layer is there");
            }
        });
        let queued = stats.queued_bytes();
        assert!((EVENT..3 * 1024 * 1024).contains(&queued), "{queued}");
        assert!(stats.drops(DropReason::Newest) >= 86);
        // The rest of the server has its memory, and its turn.
        assert!(Client::open(server.address).median_echo() < Duration::from_millis(200));
        drop(client);
    });
    let lines = lines.iter().filter(|line| line.contains("mailbox full"));
    assert!((1..=30).contains(&lines.count()));
}
