//! A dependency that fails is a 503 with `Retry-After`, and a mistake of the program a 500: each with a log
//! line that says what is wrong, at a bounded rate.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use channels::ChannelLayer as _;
use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};

use tracing_subscriber::util::SubscriberInitExt as _;

use crate::support::within;

#[derive(Event, Serialize, Deserialize)]
#[event("room.said")]
struct Said;

#[consumer(groups("room"))]
#[derive(Default)]
struct Member;

#[consumer]
impl Member {
    #[handler("room.said")]
    async fn said(&mut self, _: Said) {}
}

/// Fails as its path says.
#[consumer]
#[derive(Default)]
struct Failing;

#[consumer]
impl Failing {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        match socket.url_kwarg::<String>("what")?.as_str() {
            "store" => Err(Error::unavailable("the store is away")),
            "layer" => Err(Error::layer("the layer is away")),
            "send" => socket.group_send("room", Said).await,
            "misspelt" => socket.url_kwarg::<String>("waht").map(drop),
            _ => Err(Error::other("a bug")),
        }
    }
}

#[consumer(http, groups("room"))]
#[derive(Default)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::OK, "").await
    }

    #[handler("room.said")]
    async fn said(&mut self, _: Said) {}
}

/// An application whose layer is closed: each use of it fails.
async fn app() -> ProtocolTypeRouter {
    let layer = InMemoryChannelLayer::new();
    layer.close().await.expect("closed");
    let sockets = URLRouter::new()
        .path("member/", Member::app())
        .path("failing/<str:what>/", Failing::app());
    ProtocolTypeRouter::new()
        .channel_layer(layer)
        .websocket(sockets)
        .http(URLRouter::new().path("page/", Page::app()))
}

#[tokio::test]
async fn a_dependency_that_fails_is_a_503() {
    let app = app().await;
    for path in [
        "/member/",
        "/failing/store/",
        "/failing/layer/",
        "/failing/send/",
    ] {
        let mut client = WebsocketCommunicator::new(&app, path);
        let refused = client.connect().await.expect_err(path);
        assert_eq!(refused.status(), 503, "{path}");
        assert_eq!(refused.response().headers()["retry-after"], "1", "{path}");
    }
    let response = HttpCommunicator::get(&app, "/page/").response().await;
    let response = response.expect("a response");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics here").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The lines that contain a text.
    fn lines(&self, text: &str) -> Vec<String> {
        let log = self.0.lock().expect("no test panics here").clone();
        let log = String::from_utf8(log).expect("text");
        let lines = log.lines().filter(|line| line.contains(text));
        lines.map(str::to_owned).collect()
    }
}

/// What is logged by handshakes for a path, at least one line and at most as many as there may be at once.
async fn logged(path: &str, status: u16, text: &str) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = subscriber.set_default();
    let app = app().await;
    within(async {
        let begun = std::time::Instant::now();
        for count in 0.. {
            let mut client = WebsocketCommunicator::new(&app, path);
            let refused = client.connect().await.expect_err(path);
            assert_eq!(refused.status(), status);
            if count > 100 && !log.lines(text).is_empty() {
                break;
            }
        }
        let most = 11 + begun.elapsed().as_secs();
        let lines = log.lines(text);
        assert!(lines.len() as u64 <= most, "{} lines", lines.len());
        assert!(begun.elapsed() < Duration::from_secs(15));
        lines[0].clone()
    })
    .await
}

#[tokio::test]
async fn the_log_says_what_is_unavailable() {
    let text = "dependency unavailable in `connect`, responding with 503";
    let line = logged("/failing/store/", 503, text).await;
    for part in [
        "WARN",
        "the store is away",
        "dependencies::Failing",
        "/failing/store/",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test]
async fn the_log_says_which_kwarg_is_misspelt() {
    let text = "the program is misconfigured, responding with 500";
    let line = logged("/failing/misspelt/", 500, text).await;
    for part in [
        "ERROR",
        "captures no `waht`; it captures: [what]; did you mean `what`?",
        "dependencies::Failing",
        "/failing/misspelt/",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
