//! The server on a real port: pages and sockets, limits, shutdown, and the same application in axum.

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod deadlines;
mod dependencies;
mod half_closed;
mod shutdown;
mod slow_readers;

use std::time::Duration;

use axum::routing::get;
use channels::prelude::*;
use channels::testing::{ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator};
use channels::{Server, serve};
use support::{Journal, Running, app, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A handshake, but for the empty line.
const UPGRADE: &str = "GET /ws/ HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[consumer]
#[derive(Default)]
struct Echo;

#[consumer]
impl Echo {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let known = socket.scope().client().is_some() && socket.scope().server().is_some();
        socket
            .accept()
            .header("x-addresses", if known { "known" } else { "unknown" })
            .await
    }

    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }
}

#[consumer]
struct Room {
    journal: Journal,
}

#[consumer]
impl Room {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let room: String = socket.url_kwarg("room")?;
        let page: u32 = socket.url_kwarg("page")?;
        self.journal.note(format!("{room} {page}"));
        socket.accept().await
    }

    async fn receive(&mut self, _: &mut WebSocket, _: Message) -> Result {
        self.journal.note("begun");
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.journal.note("handled to the end");
        Ok(())
    }

    async fn disconnect(&mut self, code: CloseCode) {
        self.journal.note(format!("disconnect {code}"));
    }
}

fn pages(journal: Journal) -> axum::Router {
    let slow = move || {
        journal.note("slow begun");
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        }
    };
    axum::Router::new()
        .route("/", get(|| async { "the lobby" }))
        .route("/slow", get(slow))
}

async fn get_text(address: std::net::SocketAddr, path: &str) -> (StatusCode, String) {
    let mut client = ApplicationCommunicator::connect(address)
        .await
        .expect("connected");
    let request = http::Request::get(path)
        .body(Bytes::new())
        .expect("a request");
    let response = client.request(request).await.expect("a response");
    (
        response.status(),
        String::from_utf8_lossy(response.body()).into_owned(),
    )
}

#[tokio::test]
async fn pages_and_sockets_share_one_port() {
    let server = Running::start(&app(Echo::app()).http(pages(Journal::default()))).await;
    assert_eq!(
        get_text(server.address, "/").await,
        (StatusCode::OK, "the lobby".to_owned())
    );
    assert_eq!(
        get_text(server.address, "/missing").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get_text(server.address, "/ws/").await.0,
        StatusCode::UPGRADE_REQUIRED
    );

    let mut client = WebsocketCommunicator::at(server.address, "/ws/");
    let accepted = client.connect().await.expect("accepted");
    assert_eq!(accepted.headers["x-addresses"], "known");
    client.send(vec![1_u8, 2, 3]).await.expect("sent");
    assert_eq!(
        client.receive::<Vec<u8>>().await.expect("the echo"),
        [1, 2, 3]
    );

    let mut lost = WebsocketCommunicator::at(server.address, "/missing");
    assert_eq!(
        lost.connect().await.expect_err("no such route").status(),
        404
    );
}

#[tokio::test]
async fn a_test_in_process_sees_what_a_client_sees() {
    let app = app(Echo::app()).http(pages(Journal::default()));
    let server = Running::start(&app).await;
    for path in ["/", "/missing", "/ws/"] {
        let inside = HttpCommunicator::get(&app, path)
            .response()
            .await
            .expect("a response");
        let (status, body) = get_text(server.address, path).await;
        assert_eq!(
            (inside.status(), &inside.body()[..]),
            (status, body.as_bytes()),
            "{path}"
        );
    }
    let mut inside = WebsocketCommunicator::new(&app, "/ws/");
    let mut outside = WebsocketCommunicator::at(server.address, "/ws/");
    let (one, other) = (inside.connect().await, outside.connect().await);
    let (one, other) = (one.expect("accepted"), other.expect("accepted"));
    assert_eq!(one.headers, other.headers);
}

#[tokio::test]
async fn a_large_message_goes_through_in_both_directions() {
    let mut limits = Limits::default();
    limits.message_bytes = 16 * 1024 * 1024;
    limits.frame_bytes = 16 * 1024 * 1024;
    let server = Running::start(&app(Echo::app()).limits(limits)).await;
    let mut client = WebsocketCommunicator::at(server.address, "/ws/");
    client.connect().await.expect("accepted");
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(5_000_000).collect();
    client.send(large.clone()).await.expect("sent");
    assert!(client.receive::<Vec<u8>>().await.expect("the echo") == large);
}

#[tokio::test]
async fn routes_capture_what_their_consumer_asks_for() {
    let journal = Journal::default();
    let room = Room::app_with({
        let journal = journal.clone();
        move |_| Room {
            journal: journal.clone(),
        }
    });
    let router = URLRouter::new()
        .re_path(r"^old/(?P<room>\w+)/(?P<page>[0-9]+)$", room.clone())
        .path("chat/<slug:room>/<int:page>/", room);
    let app = ProtocolTypeRouter::new().websocket(router);
    for path in ["/chat/lobby/7/", "/old/attic/12"] {
        WebsocketCommunicator::new(&app, path)
            .connect()
            .await
            .expect(path);
    }
    let lines = journal
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("disconnect"));
    assert_eq!(lines.collect::<Vec<_>>(), ["lobby 7", "attic 12"]);
    for path in [
        "/chat/lobby/",
        "/chat/lobby/x/",
        "/chat/lobby/7",
        "//chat/lobby/7/",
        "/chat/a b/7/",
    ] {
        let path = path.replace(' ', "%20");
        let refused = WebsocketCommunicator::new(&app, &path)
            .connect()
            .await
            .expect_err(&path);
        assert_eq!(refused.status(), 404, "{path}");
    }
    // The number does not fit what the consumer asks for: there is no such page.
    let huge = WebsocketCommunicator::new(&app, "/chat/lobby/99999999999/")
        .connect()
        .await;
    assert_eq!(huge.expect_err("no u32").status(), 404);
}

#[tokio::test]
async fn more_connections_than_the_limit_wait_their_turn() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let server = Running::start(&app(Echo::app()).limits(limits)).await;
    let mut first = WebsocketCommunicator::at(server.address, "/ws/");
    first.connect().await.expect("accepted");
    let address = server.address;
    let second = tokio::spawn(async move {
        let mut second = WebsocketCommunicator::at(address, "/ws/");
        second.connect().await.map(|_| second)
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!second.is_finished(), "the second connection did not wait");
    first.close(CloseCode::NORMAL, "").await.expect("closed");
    drop(first);
    within(second)
        .await
        .expect("no panic")
        .expect("accepted in its turn");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_buffered_without_bound() {
    let server = Running::start(&app(Echo::app())).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    let head = format!("{UPGRADE}\r\n");
    stream.write_all(head.as_bytes()).await.expect("written");
    // An echo of 64 KiB each that nobody reads: sooner or later the server stops reading too.
    let mut frame = vec![0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    frame.resize(14 + 65536, 7);
    let mut written = 0_u64;
    while let Ok(result) =
        tokio::time::timeout(Duration::from_millis(500), stream.write_all(&frame)).await
    {
        result.expect("the connection stays");
        written += frame.len() as u64;
        assert!(
            written < 64 * 1024 * 1024,
            "the server took 64 MiB that nobody reads"
        );
    }
    // And it goes on when the client reads again.
    let mut rest = vec![0; 1024 * 1024];
    within(stream.read_exact(&mut rest))
        .await
        .expect("what was echoed");
}

#[tokio::test]
async fn the_application_mounts_in_an_axum_program() {
    let app = app(Echo::app());
    let program = axum::Router::new()
        .route("/hello", get(|| async { "from axum" }))
        .route_service("/ws/{*rest}", app.clone())
        .route_service("/ws/", app.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let closing = app.clone();
    let served = tokio::spawn(async move {
        axum::serve(listener, program)
            .with_graceful_shutdown(async move {
                let _ = stopped.await;
                closing.shutdown().await;
            })
            .await
    });
    assert_eq!(get_text(address, "/hello").await.1, "from axum");
    assert_eq!(
        get_text(address, "/ws/").await.0,
        StatusCode::UPGRADE_REQUIRED
    );
    let mut client = WebsocketCommunicator::at(address, "/ws/");
    client.connect().await.expect("accepted");
    client.send("through axum").await.expect("sent");
    assert_eq!(
        client.receive::<String>().await.expect("the echo"),
        "through axum"
    );
    drop(stop);
    let frame = client.closed().await.expect("closed").expect("a frame");
    assert_eq!(frame.code, CloseCode::SERVICE_RESTART);
    drop(client);
    within(served).await.expect("no panic").expect("served");
    until("nothing is left", || app.context().connections() == 0).await;
}

#[tokio::test]
async fn a_wrong_setting_is_told_at_start_up() {
    #[consumer(layer = "elsewhere")]
    #[derive(Default)]
    struct Elsewhere;

    #[consumer]
    impl Elsewhere {
        async fn receive(&mut self, _: &mut WebSocket) {}
    }

    let server = Server::bind("127.0.0.1:0").await.expect("a port");
    let error = server
        .serve(app(Elsewhere::app()))
        .await
        .expect_err("no such layer");
    assert_eq!(
        error.to_string(),
        "no channel layer `elsewhere`; configured: [default]"
    );

    let taken = Server::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = serve(address, app(Echo::app())).await.expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
