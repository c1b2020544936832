//! Streams of server-sent events.

use std::time::Duration;

use channels::prelude::*;
use channels::testing::{HttpCommunicator, StreamingResponse, WebsocketCommunicator};
use channels::{DropReason, GroupName};

use crate::Item;
use crate::support::{Journal, until};
use crate::{ended, item, router};

/// A stream of what a group hears.
#[consumer(http, groups("news"), mailbox = 4, overflow = close)]
struct Events {
    journal: Journal,
}

#[consumer]
impl Events {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let seen = http.last_event_id().unwrap_or("0").to_owned();
        http.event_stream().await?;
        http.send_event(ServerSentEvent::new(seen).event("seen"))
            .await
    }

    #[handler("news.item")]
    async fn item(&mut self, http: &mut HttpExchange, event: &Item) -> Result {
        match event.text.as_str() {
            "the end" => http.end(),
            "panic" => panic!("as told"),
            "fail" => Err(Error::other("secret")),
            "nap" => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Ok(())
            }
            text => http.send_event(text).await,
        }
    }

    async fn disconnect(&mut self, by: DisconnectedBy) -> Result {
        self.journal.note(format!("{by:?}"));
        Ok(())
    }
}

pub(crate) struct Fixture {
    pub(crate) app: ProtocolTypeRouter,
    layer: InMemoryChannelLayer,
    pub(crate) journal: Journal,
}

pub(crate) fn news() -> Fixture {
    let (layer, journal) = (InMemoryChannelLayer::new(), Journal::default());
    let of_consumers = journal.clone();
    let events = Events::app_with(move |_| Events {
        journal: of_consumers.clone(),
    });
    Fixture {
        app: router(events).channel_layer(layer.clone()),
        layer,
        journal,
    }
}

impl Fixture {
    pub(crate) async fn reader(&self) -> StreamingResponse {
        let request = HttpCommunicator::get(&self.app, "/events/");
        let mut stream = request.open().await.expect("a stream");
        let first = stream.event().await.expect("an event");
        assert_eq!(first.as_deref(), Some("event: seen\ndata: 0"));
        stream
    }

    pub(crate) async fn publish(&self, text: &str) -> usize {
        let group = GroupName::new("news").expect("a name");
        let sent = self.layer.group_send(group, item(text).into(), None);
        sent.await.expect("sent").matched
    }
}

pub(crate) async fn hears(stream: &mut StreamingResponse, data: &str) {
    let event = stream.event().await.expect("an event");
    assert_eq!(event.as_deref(), Some(format!("data: {data}").as_str()));
}

#[tokio::test]
async fn a_stream_of_events_hears_its_group_until_it_ends() {
    let news = news();
    let (mut one, mut other) = (news.reader().await, news.reader().await);
    assert_eq!(one.headers()["content-type"], "text/event-stream");
    assert_eq!(one.headers()["cache-control"], "no-cache");
    assert_eq!(news.publish("hello").await, 2);
    hears(&mut one, "hello").await;
    hears(&mut other, "hello").await;
    assert!(one.receives_nothing().await);
    assert_eq!(news.publish("two\nlines").await, 2);
    hears(&mut one, "two\ndata: lines").await;
    hears(&mut other, "two\ndata: lines").await;

    // A client that goes between two events is noticed, and leaves nothing behind.
    drop(other);
    until("one is left", || news.app.context().connections() == 1).await;
    assert_eq!(news.journal.lines(), ["Lost"]);
    assert_eq!(news.publish("the end").await, 1);
    assert_eq!(one.event().await.expect("a clean end"), None);
    ended(&news.app).await;
    assert_eq!(news.journal.lines(), ["Lost", "Consumer"]);
    assert_eq!(news.publish("nobody").await, 0);
}

#[tokio::test]
async fn a_handler_of_an_event_that_fails_breaks_the_stream_off() {
    for how in ["panic", "fail"] {
        let news = news();
        let mut stream = news.reader().await;
        news.publish(how).await;
        stream.event().await.expect_err("no clean end");
        ended(&news.app).await;
        assert_eq!(news.journal.lines(), ["Failure"], "{how}");
        assert_eq!(news.publish("nobody").await, 0);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_says_what_it_has_seen() {
    let news = news();
    let request = HttpCommunicator::get(&news.app, "/events/").header("last-event-id", "41");
    let mut stream = request.open().await.expect("a stream");
    let event = stream.event().await.expect("an event");
    assert_eq!(event.as_deref(), Some("event: seen\ndata: 41"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_sends_comments() {
    let news = news();
    let mut stream = news.reader().await;
    let interval = news.app.context().limits().ping_interval;
    let started = tokio::time::Instant::now();
    for _ in 0..3 {
        let comment = tokio::time::timeout(interval * 2, async {
            while stream.receives_nothing().await {}
        });
        comment.await.expect("a comment in time");
        assert_eq!(
            stream.event().await.expect("a comment").as_deref(),
            Some(":")
        );
    }
    let took = started.elapsed();
    assert!(took >= interval * 3 && took < interval * 4, "{took:?}");
    news.publish("hello").await;
    hears(&mut stream, "hello").await;
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_does_as_declared_and_is_counted() {
    let news = news();
    let mut stream = news.reader().await;
    news.publish("nap").await;
    // The handler has begun once nothing waits: then four fit, and the fifth ends the stream.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..5 {
        news.publish("more").await;
    }
    assert_eq!(stream.event().await.expect("a clean end"), None);
    assert_eq!(news.app.context().stats().drops(DropReason::Closed), 1);
    ended(&news.app).await;
    assert_eq!(news.journal.lines(), ["Limit"]);
}

#[tokio::test]
async fn sockets_and_requests_share_a_group() {
    #[consumer(groups("news"))]
    #[derive(Default)]
    struct Socket;

    #[consumer]
    impl Socket {
        async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
            socket.group_send("news", item(&text)).await
        }
    }

    let news = news();
    let app = news.app.clone();
    let app = app.websocket(URLRouter::new().path("ws/", Socket::app()));
    let mut stream = HttpCommunicator::get(&app, "/events/")
        .open()
        .await
        .expect("a stream");
    stream.event().await.expect("the first").expect("an event");
    let mut socket = WebsocketCommunicator::new(&app, "/ws/");
    socket.connect().await.expect("accepted");
    socket.send("hello").await.expect("sent");
    hears(&mut stream, "hello").await;
}
