//! Code that panics before there is a connection: constructors, middleware, HTTP applications.

use channels::prelude::*;
use channels::testing::{ApplicationCommunicator, WebsocketCommunicator};
use channels::{Answering, Bytes, Handshake, HttpApp, HttpRequest, Scope, WebSocketApp};
use http::Request;

use crate::bench::{keep_log, on_threads, was_logged};
use crate::support::{Running, until, within};

#[consumer(groups("constructed"))]
struct Socket;

#[consumer]
impl Socket {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }

    #[handler("some.event")]
    async fn event(&mut self, _event: &Event) {}
}

#[consumer(http)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::OK, "a page").await
    }
}

/// An application that panics at once, or when it is polled.
struct Panics {
    at_once: bool,
}

impl Panics {
    fn answer(&self) -> Answering<'_> {
        assert!(!self.at_once, "the application panics at once");
        Box::pin(async { panic!("the application panics later") })
    }
}

impl WebSocketApp for Panics {
    fn answer(&self, _handshake: Handshake) -> Answering<'_> {
        self.answer()
    }
}

impl HttpApp for Panics {
    fn answer(&self, _request: HttpRequest) -> Answering<'_> {
        self.answer()
    }
}

fn is_bad(scope: &Scope) -> bool {
    scope.query_string() == "bad"
}

fn application() -> (ProtocolTypeRouter, InMemoryChannelLayer) {
    let layer = InMemoryChannelLayer::new();
    let socket = Socket::app_with(|scope| {
        assert!(!is_bad(scope), "the constructor of a socket panics");
        Socket
    });
    let page = Page::app_with(|scope| {
        assert!(!is_bad(scope), "the constructor of a page panics");
        Page
    });
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .websocket(
            URLRouter::new()
                .path("ws/", socket)
                .path("now/", Panics { at_once: true })
                .path("later/", Panics { at_once: false }),
        )
        .http(
            URLRouter::new()
                .path("page/", page)
                .path("now/", Panics { at_once: true })
                .path("later/", Panics { at_once: false }),
        );
    (app, layer)
}

#[test]
fn a_panic_before_the_connection_is_a_500_that_is_counted() {
    on_threads(async {
        keep_log();
        let (app, layer) = application();
        let server = Running::start(&app).await;
        let paths = ["/ws/?bad", "/now/", "/later/"];
        for (at, path) in paths.into_iter().enumerate() {
            let mut client = WebsocketCommunicator::at(server.address, path);
            let refused = within(client.connect()).await.expect_err("refused");
            assert_eq!(
                refused.status(),
                StatusCode::INTERNAL_SERVER_ERROR,
                "{path}"
            );
            let mut client = WebsocketCommunicator::new(&app, path);
            let refused = within(client.connect()).await.expect_err("refused");
            assert_eq!(
                refused.status(),
                StatusCode::INTERNAL_SERVER_ERROR,
                "{path}"
            );
            let expected = 2 * (at as u64 + 1);
            assert_eq!(app.context().stats().panics(), expected, "{path}");
        }
        assert!(was_logged(&[
            "ERROR",
            "the constructor of a socket panics",
            "Socket"
        ]));
        assert!(was_logged(&["ERROR", "the application panics later"]));
        let mut good = WebsocketCommunicator::at(server.address, "/ws/");
        within(good.connect()).await.expect("accepted");
        good.send("alive").await.expect("sent");
        assert_eq!(
            within(good.receive::<String>()).await.expect("an echo"),
            "alive"
        );
        assert_eq!((app.context().connections(), layer.channel_count()), (1, 1));
        within(good.close(CloseCode::NORMAL, ""))
            .await
            .expect("closed");
        until("nothing is left", || {
            app.context().connections() == 0 && layer.channel_count() == 0
        })
        .await;
        server.stopped().await.expect("a clean end");
    });
}

#[test]
fn a_panic_in_a_page_is_a_500_and_the_connection_goes_on() {
    on_threads(async {
        keep_log();
        let (app, _layer) = application();
        let server = Running::start(&app).await;
        let mut client = ApplicationCommunicator::connect(server.address)
            .await
            .expect("connected");
        for (path, status) in [
            ("/page/?bad", 500),
            ("/page/", 200),
            ("/now/", 500),
            ("/later/", 500),
            ("/page/", 200),
        ] {
            let request = Request::get(path).header("host", "test");
            let request = request.body(Bytes::new()).expect("a request");
            let answer = within(client.request(request)).await.expect("an answer");
            assert_eq!(answer.status(), status, "{path}");
        }
        assert_eq!(app.context().stats().panics(), 3);
        assert!(was_logged(&[
            "ERROR",
            "the constructor of a page panics",
            "Page"
        ]));
        drop(client);
        until("nothing is left", || app.context().connections() == 0).await;
    });
}

#[test]
fn a_shutdown_hook_that_panics_leaves_the_others_to_run() {
    on_threads(async {
        keep_log();
        let ran = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let runs = ran.clone();
        let app = ProtocolTypeRouter::new()
            .on_shutdown(async |_| panic!("the hook panics"))
            .on_shutdown(async move |_| runs.store(true, std::sync::atomic::Ordering::Relaxed));
        within(app.shutdown()).await;
        assert!(ran.load(std::sync::atomic::Ordering::Relaxed));
        assert!(was_logged(&[
            "ERROR",
            "a shutdown hook panicked",
            "the hook panics"
        ]));
    });
}

/// Spawns a task that panics, and nothing else.
#[consumer]
#[derive(Default)]
struct Spawns;

#[consumer]
impl Spawns {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        socket.accept().await?;
        socket.spawn(async { panic!("the task of a socket panics") });
        Ok(())
    }

    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }
}

#[test]
fn a_panic_in_a_task_is_logged_at_once_and_its_connection_goes_on() {
    on_threads(async {
        keep_log();
        let router = URLRouter::new().path("ws/", Spawns::app());
        let app = ProtocolTypeRouter::new().websocket(router);
        let before = app.context().stats().isolated_panics();
        let mut client = WebsocketCommunicator::new(&app, "/ws/");
        within(client.connect()).await.expect("accepted");
        until("it is logged", || {
            was_logged(&[
                "ERROR",
                "a task of a connection",
                "the task of a socket panics",
            ])
        })
        .await;
        assert!(app.context().stats().isolated_panics() > before);
        client.send("alive").await.expect("sent");
        let heard = within(client.receive::<String>()).await.expect("an echo");
        assert_eq!(heard, "alive");
    });
}
