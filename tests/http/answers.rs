//! What a response consists of, who gives it, and what is a mistake.

use channels::prelude::*;
use channels::testing::{ApplicationCommunicator, HttpCommunicator};
use http::Method;

use crate::actor::{Actor, actor};
use crate::bodies::TakesText;
use crate::support::{Journal, until, within};
use crate::{Item, ended, get, item, router};

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

/// The protocol's own events, under names of the user's.
#[consumer(http)]
struct Raw {
    journal: Journal,
}

#[consumer]
impl Raw {
    #[handler("http.request")]
    async fn asked(&mut self, text: String, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::OK, text).await
    }

    #[handler("http.disconnect")]
    async fn gone(&mut self, code: CloseCode) {
        self.journal.note(code.to_string());
    }
}

#[tokio::test]
async fn one_connection_carries_many_exchanges() {
    let journal = Journal::default();
    let of_consumers = journal.clone();
    let app = router(Raw::app_with(move |_| Raw {
        journal: of_consumers.clone(),
    }));
    let mut client = ApplicationCommunicator::new(&app).await.expect("connected");
    for number in 0..100 {
        let body = Bytes::from(format!("number {number}"));
        let request = http::Request::post("/x/").body(body.clone());
        let response = client.request(request.expect("a request")).await;
        assert_eq!(response.expect("a response").body(), &body);
    }
    ended(&app).await;
    assert_eq!(journal.lines(), vec!["1000"; 100]);
}
