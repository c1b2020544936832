//! What the README says of an application inside an axum program.

mod support;

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::ConnectInfo;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use support::{Running, app, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone)]
struct Tenant(&'static str);

#[derive(Event, Serialize, Deserialize)]
#[event("news.announced")]
struct Announced {
    text: String,
}

#[consumer(groups("news"))]
#[derive(Default)]
struct Witness;

#[consumer]
impl Witness {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let scope = socket.scope();
        let extensions = scope.extensions();
        let said = format!(
            "{:?} {} {:?} {:?}",
            scope.client(),
            scope.scheme(),
            extensions.get::<Tenant>().map(|tenant| tenant.0),
            extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map(|info| info.0.ip()),
        );
        socket.accept().await?;
        socket.send(said).await
    }

    #[handler("news.announced", relay)]
    async fn announced(&mut self, socket: &mut WebSocket, event: &Announced) -> Result {
        socket.send_json(event).await
    }
}

#[tokio::test]
async fn only_axum_knows_the_peer_and_a_handler_finds_the_layer() {
    let app = app(Witness::app()).trusted_proxies(["127.0.0.1"]);
    app.check().expect("good settings");
    app.startup().await.expect("started");
    let program = axum::Router::new()
        .route_service("/ws/", app.clone())
        .layer(Extension(Tenant("acme")))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, program).await });

    let client = WebsocketCommunicator::at(address, "/ws/");
    let mut client = client
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-proto", "https");
    client.connect().await.expect("accepted");
    let said = client.receive::<String>().await.expect("the scope");
    assert_eq!(said, "None ws Some(\"acme\") Some(127.0.0.1)");

    let layer = app.context().layers().get("default").expect("a layer");
    let news = Group::<Witness>::new("news").expect("a name");
    let text = "dinner".to_owned();
    let sent = within(news.send(&**layer, Announced { text })).await;
    assert_eq!(sent.expect("sent").matched, 1);
    let heard: Announced = client.receive_json().await.expect("the event");
    assert_eq!(heard.text, "dinner");
    serving.abort();
}

/// The statuses of what a server answers to a head.
async fn statuses(address: SocketAddr, head: &[u8]) -> Vec<String> {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    within(stream.write_all(head)).await.expect("written");
    // A close frame ends a socket, and a second request with `close` a connection of HTTP.
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("the end");
    let answer = String::from_utf8_lossy(&answer);
    let starts = answer.split("HTTP/1.1 ").skip(1);
    starts.map(|rest| rest.chars().take(3).collect()).collect()
}

/// What is refused by our own server is refused elsewhere.
#[tokio::test]
async fn heads_are_read_alike_in_an_axum_program() {
    let application = app(Witness::app()).http(axum::Router::new());
    let own = Running::start(&application).await;
    let program =
        axum::Router::new().fallback_service(app(Witness::app()).http(axum::Router::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let mounted = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, program).await });
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let good = format!("GET /ws/ HTTP/1.1\r\nHost: a\r\n{upgrade}{version}{key}");
    for (from, to, expected) in [
        ("", "", "101"),
        ("Host: a\r\n", "", "400"),
        ("Host: a", "Host: a\r\nHost: a", "400"),
        ("Host: a", "Host: \u{e9}", "400"),
        ("Host: a", "Host : a", "400"),
        ("/ws/", "http://a:80/ws/", "101"),
        ("/ws/", "http://b/ws/", "400"),
        ("/ws/", "http://u@a/ws/", "400"),
        ("/ws/", "a:80", "400"),
        ("/ws/", "*", "400"),
        ("/ws/", "/%FF/", "404"),
        ("/ws/", "/nowhere/", "404"),
        (upgrade, "", "426"),
        (upgrade, "Upgrade: websocket\r\n", "400"),
        (
            upgrade,
            "Connection: Upgrade\r\nConnection: x\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
            "101",
        ),
        (version, "", "426"),
        (
            version,
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n",
            "400",
        ),
        (key, "", "400"),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n",
            "101",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 5\r\n",
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nTransfer-Encoding: chunked\r\n",
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a b\r\n",
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX: a\u{85}b\r\n",
            "400",
        ),
    ] {
        let head = good.replacen(from, to, 1);
        let head = [
            head.as_bytes(),
            b"Connection: close\r\n\r\n\x88\x80\0\0\0\0",
        ]
        .concat();
        let shown = String::from_utf8_lossy(&head).into_owned();
        assert_eq!(statuses(own.address, &head).await, [expected], "{shown}");
        assert_eq!(statuses(mounted, &head).await, [expected], "{shown}");
    }
    serving.abort();
}
