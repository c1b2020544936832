//! Routers in routers, with middleware between them, for sockets and for requests.

use channels::testing::WebsocketCommunicator;
use channels::{Around, Handshake, Middleware, Next, Response, Routes, WebSocketApp};
use serde_json::json;

use super::*;
use crate::support::Journal;

#[derive(Clone)]
struct Note(&'static str, Journal);

impl Middleware for Note {
    async fn call(&self, next: Next<'_>) -> Response {
        self.1.note(self.0);
        next.run().await
    }
}

/// A middleware by hand.
struct ByHand<A>(A);

impl<A: WebSocketApp> WebSocketApp for ByHand<A> {
    fn answer(&self, handshake: Handshake) -> Answering<'_> {
        self.0.answer(handshake)
    }

    fn routes(&self) -> Option<Routes<'_>> {
        self.0.routes()
    }
}

#[consumer]
#[derive(Default)]
struct Tells;

#[consumer]
impl Tells {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let kwargs: Vec<String> = socket
            .scope()
            .kwargs()
            .iter()
            .map(|(name, text)| format!("{name}={text}"))
            .collect();
        let kwargs = kwargs.join(" ");
        socket.accept().header("x-kwargs", &kwargs).await
    }
}

async fn kwargs(app: &ProtocolTypeRouter, path: &str) -> Result<String, u16> {
    let connected = WebsocketCommunicator::new(app, path).connect().await;
    let accepted = connected.map_err(|refused| refused.status().as_u16())?;
    let text = accepted.headers["x-kwargs"].to_str().expect("text");
    Ok(text.to_owned())
}

fn sockets(router: impl WebSocketApp) -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(router)
}

#[tokio::test]
async fn middleware_stands_anywhere_between_routers() {
    let journal = Journal::default();
    let note = |text| Note(text, journal.clone());
    let innermost = URLRouter::new()
        .path("<int:page>/", note("consumer").around(Tells::app()))
        .path("named/<slug:room>/", Tells::app());
    let middle = URLRouter::new().re_path(
        "^(?P<room>[a-z]+)/",
        ByHand(note("second").around(note("third").around(innermost))),
    );
    let outer: Around<_, URLRouter> =
        note("first").around(URLRouter::new().path("chat/<slug:site>/", middle));
    let app = sockets(outer);
    assert_eq!(
        kwargs(&app, "/chat/rust/lobby/7/").await.as_deref(),
        Ok("site=rust room=lobby page=7")
    );
    assert_eq!(journal.lines(), ["first", "second", "third", "consumer"]);
    assert_eq!(
        kwargs(&app, "/chat/rust/lobby/named/attic/")
            .await
            .as_deref(),
        Ok("site=rust room=attic"),
        "the inner value wins"
    );
    assert_eq!(kwargs(&app, "/chat/rust/lobby/x/").await, Err(404));
    assert_eq!(kwargs(&app, "/chat/rust/lobby/").await, Err(404));
    assert_eq!(
        journal.count("second"),
        2,
        "nothing runs on a way that ends"
    );
}

#[tokio::test]
async fn a_plain_request_learns_that_a_path_takes_sockets() {
    let inner = URLRouter::new().path("<int:page>/", Tells::app());
    let app = sockets(ByHand(URLRouter::new().path("chat/", inner)));
    assert_eq!(seen(&app, "/chat/1/").await, 426);
    assert_eq!(seen(&app, "/chat/x/").await, 404);
    assert_eq!(seen(&app, "/chat/").await, 404);
}

#[tokio::test]
async fn a_value_that_a_check_refuses_is_no_match() {
    let is_day = |text: &str| {
        let month: u32 = text[4..6].parse().unwrap_or_default();
        (1..=12).contains(&month)
    };
    let app = app(URLRouter::new()
        .converter_with("day", "[0-9]{8}", is_day)
        .converter("code", "[A-Z]{2}(-[0-9]+)?")
        .path("on/<day:day>/", App(1))
        .path("on/<int:number>/", App(2))
        .path("code/<code:code>/", App(3)));
    assert_eq!(
        seen(&app, "/on/20240229/").await,
        found(1, &[], json!({"day": "20240229"}))
    );
    assert_eq!(
        seen(&app, "/on/20241329/").await,
        found(2, &[], json!({"number": "20241329"}))
    );
    assert_eq!(
        seen(&app, "/code/AB-12/").await,
        found(3, &[], json!({"code": "AB-12"}))
    );
    assert_eq!(seen(&app, "/code/ab/").await, 404);
}

#[test]
fn the_table_is_printed() {
    let journal = Journal::default();
    let blog = URLRouter::new()
        .route(Route::path("<int:id>/", Tells::app()).name("post"))
        .re_path(
            r"^old/(\d+)/$",
            Note("x", journal.clone()).around(Tells::app()),
        );
    let router = URLRouter::new()
        .path("", Tells::app())
        .route(
            Route::path("public/", Tells::app())
                .name("public")
                .kwarg("kind", "public"),
        )
        .route(Route::path("blog/", Note("x", journal).around(blog)).name("blog"));
    let table = "\
/                   Tells
/public/            Tells                public     kind=public
/blog/<int:id>/     Tells                blog:post
/blog/^old/(\\d+)/$  Around<Note, Tells>";
    assert_eq!(router.to_string(), table);
    assert_eq!(format!("{router:?}"), table);
    assert_eq!(<URLRouter>::new().to_string(), "no routes");
}
