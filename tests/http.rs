//! HTTP consumers: answers, streams, events, long polls, and every way in which an exchange ends.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::prelude::*;
use channels::testing::{HttpCommunicator, StreamingResponse, WebsocketCommunicator};
use channels::{DropReason, GroupName, HttpApp};
use http::Method;
use support::{Journal, Running, until, within};

#[derive(Event, Serialize, Deserialize)]
#[event("news.item")]
struct Item {
    text: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("poll.expired")]
struct Expired {}

fn item(text: &str) -> Item {
    Item {
        text: text.to_owned(),
    }
}

/// Does what its path says.
#[consumer(http)]
struct Actor {
    journal: Journal,
    sent: Arc<AtomicUsize>,
}

impl Actor {
    fn app(journal: &Journal) -> impl HttpApp + use<> {
        Self::counting(journal, &Arc::default())
    }

    fn counting(journal: &Journal, sent: &Arc<AtomicUsize>) -> impl HttpApp + use<> {
        let (journal, sent) = (journal.clone(), Arc::clone(sent));
        Self::app_with(move |_| Self {
            journal: journal.clone(),
            sent: Arc::clone(&sent),
        })
    }
}

#[consumer]
impl Actor {
    async fn handle(&mut self, http: &mut HttpExchange, body: Bytes) -> Result {
        let what: String = http.url_kwarg("what")?;
        self.journal.note(format!("{} {what}", http.method()));
        match what.as_str() {
            "echo" => http.send_response(StatusCode::OK, body).await,
            "created" => {
                let response = http.send_response(StatusCode::CREATED, "<p>made</p>");
                let response = response.header("content-type", "text/html");
                response.header("x-of", "one").header("x-of", "two").await
            }
            "json" => http.send_json(StatusCode::OK, &[1, 2]).await,
            "empty" => http.send_response(StatusCode::NO_CONTENT, "cut").await,
            "parts" => {
                http.send_headers(StatusCode::OK)
                    .header("content-type", "text/csv")
                    .await?;
                http.send_body("one,").await?;
                http.send_body("").await?;
                http.send_body("two").await?;
                http.end()?;
                http.end()
            }
            // A consumer that nothing can wake: its response ends with `handle`.
            "without-end" => {
                http.send_headers(StatusCode::OK).await?;
                http.send_body("all").await
            }
            "short" => {
                let headers = http.send_headers(StatusCode::OK);
                headers.header("content-length", "10").await?;
                http.send_body("four").await
            }
            "task" => {
                http.send_headers(StatusCode::OK).await?;
                let sender = http.sender();
                http.spawn(async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    assert!(sender.is_open());
                    assert!(sender.send_body("by a task").await.is_ok());
                });
                Ok(())
            }
            "nothing" => Ok(()),
            "stop" => Err(Stop.into()),
            "deny" => Err(DenyConnection.into()),
            "fail" => Err(Error::other("secret")),
            "panic" => panic!("secret"),
            "fail-late" | "panic-late" | "stop-late" => {
                http.send_headers(StatusCode::OK).await?;
                http.send_body("begun").await?;
                match what.as_str() {
                    "fail-late" => Err(Error::other("secret")),
                    "stop-late" => Err(Stop.into()),
                    _ => panic!("secret"),
                }
            }
            "flood" => {
                http.send_headers(StatusCode::OK).await?;
                loop {
                    http.send_body(vec![0; 64 * 1024]).await?;
                    self.sent.fetch_add(1, Ordering::SeqCst);
                }
            }
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                self.journal.note("slept");
                let sent = http.send_response(StatusCode::OK, "late").await;
                self.journal.note(format!("{:?}", sent.is_ok()));
                Ok(())
            }
            "for-ever" => {
                http.send_headers(StatusCode::OK).await?;
                std::future::pending().await
            }
            "after-the-answer" => {
                http.send_response(StatusCode::ACCEPTED, "").await?;
                tokio::time::sleep(Duration::from_secs(15)).await;
                self.journal.note("worked on");
                Ok(())
            }
            "wrong" => {
                let note = |what: &str, result: Result| {
                    let kind = result.map_err(|error| error.kind());
                    self.journal.note(format!("{what}: {kind:?}"));
                };
                note("body first", http.send_body("x").await);
                note("event first", http.send_event("x").await);
                note("end first", http.end());
                let early = http.send_response(StatusCode::PROCESSING, "x").await;
                note("status", early);
                let bad = http.send_response(StatusCode::OK, "x").header("a b", "c");
                note("header", bad.await);
                let own = http.send_response(StatusCode::OK, "x");
                note("own header", own.header("content-length", "7").await);
                note("ok", http.send_response(StatusCode::OK, "fine").await);
                note("twice", http.send_response(StatusCode::OK, "x").await);
                let sent = http.send_body("late").await.expect_err("too late");
                assert_eq!(sent.into_unsent::<Bytes>().expect("the part"), "late");
                note("end", http.end());
                Ok(())
            }
            other => Err(Error::other(format!("what is {other}?"))),
        }
    }

    async fn disconnect(&mut self, why: Disconnect) {
        self.journal.note(format!("disconnect {:?}", why.by));
    }
}

fn router(app: impl HttpApp) -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .http(URLRouter::new().path("<slug:what>/", app))
}

fn actor(journal: &Journal) -> ProtocolTypeRouter {
    router(Actor::app(journal))
}

async fn ended(app: &ProtocolTypeRouter) {
    until("no exchange lives", || app.context().connections() == 0).await;
}

async fn get(app: &ProtocolTypeRouter, path: &str) -> http::Response<Bytes> {
    let response = HttpCommunicator::get(app, path).response().await;
    response.expect("a response")
}

#[tokio::test]
async fn a_response_has_its_status_headers_and_body() {
    let journal = Journal::default();
    let app = actor(&journal);
    let echo = HttpCommunicator::post(&app, "/echo/").body("ping");
    let echo = echo.response().await.expect("a response");
    assert_eq!(
        (echo.status().as_u16(), &echo.body()[..]),
        (200, &b"ping"[..])
    );
    assert_eq!(echo.headers()["content-type"], "application/octet-stream");
    assert_eq!(echo.headers()["content-length"], "4");

    let created = get(&app, "/created/").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()["content-type"], "text/html");
    assert_eq!(created.headers().get_all("x-of").iter().count(), 2);

    let json = get(&app, "/json/").await;
    assert_eq!(json.headers()["content-type"], "application/json");
    assert_eq!(json.body(), "[1,2]");

    let empty = get(&app, "/empty/").await;
    assert_eq!(empty.status(), StatusCode::NO_CONTENT);
    assert!(empty.body().is_empty() && !empty.headers().contains_key("content-type"));

    ended(&app).await;
    assert_eq!(journal.count("disconnect Consumer"), 4);
    assert_eq!(journal.lines().len(), 8, "{:?}", journal.lines());
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_in_parts() {
    let app = actor(&Journal::default());
    let parts = get(&app, "/parts/").await;
    assert_eq!(parts.headers()["content-type"], "text/csv");
    assert_eq!(parts.body(), "one,two");
    assert_eq!(get(&app, "/without-end/").await.body(), "all");
    assert_eq!(get(&app, "/task/").await.body(), "by a task");
    assert_eq!(get(&app, "/stop-late/").await.body(), "begun");
    let short = HttpCommunicator::get(&app, "/short/").response().await;
    assert_eq!(
        short.expect_err("less than announced").kind(),
        ErrorKind::Io
    );
    ended(&app).await;
}

#[tokio::test]
async fn the_method_is_in_the_scope_and_a_head_has_no_body() {
    let journal = Journal::default();
    let app = actor(&journal);
    for path in ["/created/", "/parts/", "/for-ever/"] {
        let head = HttpCommunicator::new(&app, Method::HEAD, path).response();
        let head = within(head).await.expect("a response");
        assert!(
            head.status().is_success() && head.body().is_empty(),
            "{path}"
        );
        let length = head.headers().get("content-length");
        assert_eq!(length.is_some(), path == "/created/", "{path}");
    }
    let put = HttpCommunicator::new(&app, Method::PUT, "/json/").response();
    assert_eq!(put.await.expect("a response").status(), 200);
    assert_eq!(journal.count("PUT json"), 1);
    until("all but one ended", || app.context().connections() == 1).await;
    assert_eq!(journal.count("HEAD created"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_streams_to_a_head_for_ever_has_its_grace() {
    let journal = Journal::default();
    let app = actor(&journal);
    let head = HttpCommunicator::new(&app, Method::HEAD, "/for-ever/").response();
    assert_eq!(head.await.expect("a response").status(), 200);
    ended(&app).await;
    assert_eq!(journal.lines(), ["HEAD for-ever", "disconnect Consumer"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_lost_after_a_while() {
    let journal = Journal::default();
    let app = actor(&journal);
    let open = HttpCommunicator::get(&app, "/flood/")
        .open()
        .await
        .expect("begun");
    tokio::time::sleep(Duration::from_secs(45)).await;
    assert_eq!(app.context().connections(), 1);
    ended(&app).await;
    assert_eq!(journal.lines(), ["GET flood", "disconnect Lost"]);
    drop(open);
}

#[tokio::test]
async fn a_failure_is_a_500_without_detail_and_disconnects_once() {
    for (path, status) in [
        ("/fail/", 500),
        ("/panic/", 500),
        ("/nothing/", 500),
        ("/stop/", 500),
        ("/unknown/", 500),
        ("/deny/", 403),
    ] {
        let journal = Journal::default();
        let app = actor(&journal);
        let response = get(&app, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(response.body().is_empty(), "{path}");
        ended(&app).await;
        let lines = journal.lines();
        assert_eq!(lines.len(), 2, "{path}: {lines:?}");
        assert!(lines[1].starts_with("disconnect"), "{path}: {lines:?}");
        let panics = u64::from(path == "/panic/");
        assert_eq!(app.context().stats().panics(), panics, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_fails_is_broken_off() {
    for path in ["/fail-late/", "/panic-late/"] {
        let journal = Journal::default();
        let app = actor(&journal);
        let mut response = HttpCommunicator::get(&app, path)
            .open()
            .await
            .expect("begun");
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.chunk().await.expect("a part").expect("begun"),
            "begun"
        );
        let end = response.chunk().await;
        assert_eq!(
            end.expect_err("no clean end").kind(),
            ErrorKind::Io,
            "{path}"
        );
        ended(&app).await;
        assert_eq!(journal.count("disconnect Failure"), 1, "{path}");
    }
}

#[tokio::test]
async fn a_mistake_of_the_consumer_is_an_error_value() {
    let journal = Journal::default();
    let app = actor(&journal);
    assert_eq!(get(&app, "/wrong/").await.body(), "fine");
    ended(&app).await;
    assert_eq!(
        journal.lines()[1..],
        [
            "body first: Err(Response)",
            "event first: Err(Response)",
            "end first: Err(Response)",
            "status: Err(Response)",
            "header: Err(Response)",
            "own header: Err(Response)",
            "ok: Ok(())",
            "twice: Err(Response)",
            "end: Ok(())",
            "disconnect Consumer",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_while_handle_runs_is_noticed() {
    let journal = Journal::default();
    let app = actor(&journal);
    let waiting = HttpCommunicator::get(&app, "/sleep/").timeout(Duration::from_secs(1));
    waiting.open().await.expect_err("the test gives up");
    ended(&app).await;
    // It had its grace period, in which it could send no more.
    let expected = ["GET sleep", "slept", "false", "disconnect Lost"];
    assert_eq!(journal.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_goes_on_for_ever_is_dropped_after_its_grace() {
    let journal = Journal::default();
    let app = actor(&journal);
    let open = HttpCommunicator::get(&app, "/for-ever/")
        .open()
        .await
        .expect("begun");
    let started = tokio::time::Instant::now();
    drop(open);
    ended(&app).await;
    assert_eq!(journal.lines(), ["GET for-ever", "disconnect Lost"]);
    let grace = app.context().limits().grace;
    let took = started.elapsed();
    assert!(
        took >= grace && took < grace + Duration::from_secs(1),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_work_on_behind_its_answer() {
    let journal = Journal::default();
    let app = actor(&journal);
    assert_eq!(get(&app, "/after-the-answer/").await.status(), 202);
    until("disconnected", || journal.lines().len() == 3).await;
    let expected = ["GET after-the-answer", "worked on", "disconnect Consumer"];
    assert_eq!(journal.lines(), expected);
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_sender() {
    let (journal, sent) = (Journal::default(), Arc::new(AtomicUsize::new(0)));
    let app = router(Actor::counting(&journal, &sent));
    let mut open = HttpCommunicator::get(&app, "/flood/")
        .open()
        .await
        .expect("begun");
    let mut before = usize::MAX;
    until("the sender waits", || {
        let now = sent.load(Ordering::SeqCst);
        std::mem::replace(&mut before, now) == now && now > 0
    })
    .await;
    // 1 MiB is queued, and what fits between the two ends.
    let waiting = sent.load(Ordering::SeqCst);
    assert!(waiting <= 40, "{waiting} parts of 64 KiB");
    let mut read = 0;
    while read < 8 * 1024 * 1024 {
        read += open.chunk().await.expect("a part").expect("no end").len();
    }
    assert!(sent.load(Ordering::SeqCst) >= 8 * 16 - 1);
    drop(open);
    ended(&app).await;
    assert_eq!(journal.lines(), ["GET flood", "disconnect Lost"]);
}

/// The three kinds of bodies, one consumer for each.
#[consumer(http)]
#[derive(Default)]
struct TakesText;

#[consumer]
impl TakesText {
    async fn handle(&mut self, http: &mut HttpExchange, text: String) -> Result {
        http.send_response(StatusCode::OK, text).await
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[consumer(http)]
#[derive(Default)]
struct TakesJson;

#[consumer]
impl TakesJson {
    fn handle(&mut self, Json(named): Json<Named>, http: &mut BlockingHttpExchange) -> Result {
        http.send_response(StatusCode::OK, named.name)
    }
}

async fn post(app: &ProtocolTypeRouter, path: &str, body: &'static [u8]) -> (u16, String) {
    let response = HttpCommunicator::post(app, path)
        .body(body)
        .response()
        .await;
    let response = response.expect("a response");
    let text = String::from_utf8_lossy(response.body()).into_owned();
    (response.status().as_u16(), text)
}

#[tokio::test]
async fn a_body_that_does_not_parse_is_a_400() {
    let mut limits = Limits::default();
    limits.body_bytes = 100;
    let routes = URLRouter::new()
        .path("text/", TakesText::app())
        .path("json/", TakesJson::app());
    let app = ProtocolTypeRouter::new().http(routes).limits(limits);
    assert_eq!(
        post(&app, "/text/", b"\xC3\xA9t\xC3\xA9").await,
        (200, "été".into())
    );
    assert_eq!(post(&app, "/text/", b"").await, (200, String::new()));
    let not_text = (400, "the body is not UTF-8\n".to_owned());
    assert_eq!(post(&app, "/text/", b"\xFF").await, not_text);

    assert_eq!(
        post(&app, "/json/", br#"{"name":"Ann"}"#).await,
        (200, "Ann".into())
    );
    let not_json = (
        400,
        "the body is not the JSON that is expected\n".to_owned(),
    );
    for bad in [
        &b""[..],
        b"{",
        b"{\"name\":1}",
        b"{}",
        b"\xFF",
        b"{\"name\":\"x\"} y",
    ] {
        assert_eq!(post(&app, "/json/", bad).await, not_json, "{bad:?}");
    }

    let too_large = (413, "the body may have 100 bytes\n".to_owned());
    assert_eq!(post(&app, "/text/", &[b'x'; 100]).await.0, 200);
    assert_eq!(post(&app, "/text/", &[b'x'; 101]).await, too_large);
    ended(&app).await;
}

#[tokio::test]
async fn the_path_is_routed_or_refused() {
    let app = actor(&Journal::default());
    assert_eq!(get(&app, "/").await.status(), 404);
    assert_eq!(get(&app, "/echo").await.status(), 404);
    assert_eq!(get(&app, "/echo/more").await.status(), 404);
    let alone = ProtocolTypeRouter::new().http(TakesText::app());
    assert_eq!(get(&alone, "/anything").await.status(), 200);
    assert_eq!(get(&alone, "/%FF").await.status(), 400);
}

#[tokio::test]
async fn consumers_services_and_routers_are_routes_side_by_side() {
    let pages = axum::Router::new().route("/pages/one", axum::routing::get(async || "a page"));
    let inner = URLRouter::new().path("<slug:what>/", Actor::app(&Journal::default()));
    let routes = URLRouter::new()
        .re_path("^in/", inner)
        .path("text/", TakesText::app())
        .re_path("", pages);
    let app = ProtocolTypeRouter::new().http(routes);
    assert_eq!(get(&app, "/in/json/").await.body(), "[1,2]");
    assert_eq!(get(&app, "/text/").await.status(), 200);
    assert_eq!(get(&app, "/pages/one").await.body(), "a page");
    assert_eq!(get(&app, "/pages/%FF").await.status(), 404);
}

#[tokio::test]
async fn a_layer_that_is_missing_is_told_before_the_first_request() {
    #[consumer(http, layer = "other")]
    #[derive(Default)]
    struct Elsewhere;

    #[consumer]
    impl Elsewhere {
        async fn handle(&mut self) {}
    }

    let app = router(Elsewhere::app());
    assert_eq!(
        app.check().expect_err("no such layer").kind(),
        ErrorKind::Config
    );
    assert_eq!(get(&app, "/x/").await.status(), 500);
}

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

struct Fixture {
    app: ProtocolTypeRouter,
    layer: InMemoryChannelLayer,
    journal: Journal,
}

fn news() -> Fixture {
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
    async fn reader(&self) -> StreamingResponse {
        let request = HttpCommunicator::get(&self.app, "/events/");
        let mut stream = request.open().await.expect("a stream");
        let first = stream.event().await.expect("an event");
        assert_eq!(first.as_deref(), Some("event: seen\ndata: 0"));
        stream
    }

    async fn publish(&self, text: &str) -> usize {
        let group = GroupName::new("news").expect("a name");
        let sent = self.layer.group_send(group, item(text).into(), None);
        sent.await.expect("sent").matched
    }
}

async fn hears(stream: &mut StreamingResponse, data: &str) {
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

/// Answers when there is something to say, or when the time is up.
#[consumer(http)]
#[derive(Default)]
struct Poll;

#[consumer]
impl Poll {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let what: String = http.url_kwarg("what")?;
        http.group_add(&what).await?;
        http.after(Duration::from_secs(25), Expired {});
        Ok(())
    }

    #[handler("news.item")]
    async fn item(&mut self, http: &mut HttpExchange, event: Item) -> Result {
        http.send_response(StatusCode::OK, event.text).await
    }

    #[handler("poll.expired")]
    async fn expired(&mut self, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::NO_CONTENT, "").await
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_is_answered_by_an_event_or_by_its_timer() {
    let layer = InMemoryChannelLayer::new();
    let app = router(Poll::app()).channel_layer(layer.clone());
    let poll = |what: &str| {
        let request = HttpCommunicator::get(&app, &format!("/{what}/"));
        tokio::spawn(request.timeout(Duration::from_secs(60)).response())
    };
    let (answered, silent) = (poll("a"), poll("b"));
    until("both wait", || app.context().connections() == 2).await;
    let group = GroupName::new("a").expect("a name");
    until("a member", || {
        let sent = layer.group_send(group.clone(), item("news").into(), None);
        futures_util::FutureExt::now_or_never(sent)
            .is_some_and(|sent| sent.is_ok_and(|delivery| delivery.matched == 1))
    })
    .await;
    let answered = within(answered)
        .await
        .expect("no panic")
        .expect("a response");
    assert_eq!(answered.body(), "news");
    let started = tokio::time::Instant::now();
    let silent = tokio::time::timeout(Duration::from_secs(60), silent).await;
    let silent = silent
        .expect("in time")
        .expect("no panic")
        .expect("a response");
    assert_eq!(silent.status(), StatusCode::NO_CONTENT);
    assert!(started.elapsed() <= Duration::from_secs(25));
    ended(&app).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_whose_client_goes_leaves_nothing_behind() {
    let layer = InMemoryChannelLayer::new();
    let app = router(Poll::app()).channel_layer(layer.clone());
    let request = HttpCommunicator::get(&app, "/a/").timeout(Duration::from_secs(1));
    request.open().await.expect_err("the test gives up");
    ended(&app).await;
    let group = GroupName::new("a").expect("a name");
    let delivery = layer.group_send(group, item("news").into(), None).await;
    assert_eq!(delivery.expect("sent").matched, 0);
}

/// Plain `fn` handlers, which block.
#[consumer(http, groups("news"))]
#[derive(Default)]
struct Blocking;

#[consumer]
impl Blocking {
    fn handle(&mut self, http: &mut BlockingHttpExchange) -> Result {
        match http.scope().query_string() {
            "flood" => {
                http.send_headers(StatusCode::OK, &[("content-type", "image/png")])?;
                (0..64).try_for_each(|_| http.send_body(vec![7; 64 * 1024]))?;
                http.end()
            }
            "panic" => panic!("as told"),
            "json" => http.send_json(StatusCode::OK, "x"),
            "with" => http.send_response_with(StatusCode::OK, &[("x-a", "b")], "x"),
            _ => {
                http.event_stream()?;
                http.group_send("news", item("hello"))
            }
        }
    }

    #[handler("news.item")]
    fn item(&mut self, http: &mut BlockingHttpExchange, event: &Item) -> Result {
        http.send_event(event.text.as_str())?;
        http.end()
    }
}

#[tokio::test]
async fn plain_handlers_may_block() {
    let app = router(Blocking::app());
    let flood = get(&app, "/x/?flood").await;
    assert_eq!(flood.headers()["content-type"], "image/png");
    assert_eq!(flood.body().len(), 64 * 64 * 1024);
    assert_eq!(get(&app, "/x/?panic").await.status(), 500);
    assert_eq!(get(&app, "/x/?json").await.body(), "\"x\"");
    assert_eq!(get(&app, "/x/?with").await.headers()["x-a"], "b");
    assert_eq!(get(&app, "/x/").await.body(), "data: hello\n\n");
    ended(&app).await;
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_ends_what_is_open() {
    let news = news();
    let mut stream = news.reader().await;
    let journal = Journal::default();
    let late = actor(&journal);
    let poll = router(Poll::app());
    let task = actor(&Journal::default());
    let mut by_task = HttpCommunicator::get(&task, "/task/")
        .open()
        .await
        .expect("begun");
    let mut for_ever = HttpCommunicator::get(&late, "/for-ever/")
        .open()
        .await
        .expect("begun");
    let working = tokio::spawn(HttpCommunicator::get(&late, "/sleep/").response());
    let waiting = tokio::spawn(HttpCommunicator::get(&poll, "/a/").response());
    until("all are there", || {
        late.context().connections() == 2 && poll.context().connections() == 1
    })
    .await;

    within(async {
        tokio::join!(
            news.app.shutdown(),
            late.shutdown(),
            poll.shutdown(),
            task.shutdown()
        )
    })
    .await;
    by_task
        .chunk()
        .await
        .expect_err("broken off: its task went on");
    assert_eq!(stream.event().await.expect("a clean end"), None);
    for_ever
        .chunk()
        .await
        .expect_err("broken off after its grace");
    let working = working.await.expect("no panic").expect("a response");
    assert_eq!(working.body(), "late");
    let waiting = waiting.await.expect("no panic").expect("a response");
    assert_eq!(waiting.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(news.journal.lines(), ["Shutdown"]);
    assert_eq!(journal.count("disconnect Consumer"), 1);
    assert_eq!(journal.count("disconnect Shutdown"), 1);
    let refused = get(&late, "/json/").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn over_a_socket_all_is_as_in_process() {
    let news = news();
    let mut server = Running::start(&news.app).await;
    let request = HttpCommunicator::at(server.address, Method::GET, "/events/");
    let mut stream = request.open().await.expect("a stream");
    stream.event().await.expect("the first").expect("an event");
    let gone = HttpCommunicator::at(server.address, Method::GET, "/events/");
    let gone = gone.open().await.expect("a stream");
    until("both are there", || news.app.context().connections() == 2).await;
    drop(gone);
    until("one is gone", || news.journal.count("Lost") == 1).await;
    assert_eq!(news.publish("hello").await, 1);
    hears(&mut stream, "hello").await;
    server.stop();
    assert_eq!(within(stream.event()).await.expect("a clean end"), None);
    server.stopped().await.expect("stopped");
    assert_eq!(news.journal.lines(), ["Lost", "Shutdown"]);
}

#[tokio::test]
async fn a_refusal_overtakes_a_large_body() {
    let server = Running::start(&actor(&Journal::default())).await;
    let large = HttpCommunicator::at(server.address, Method::POST, "/echo/");
    let large = large.body(vec![0; 20 * 1024 * 1024]).response();
    assert_eq!(within(large).await.expect("a response").status(), 413);
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
