//! Behind a proxy: what a consumer learns of its client, on a real socket and in process.

mod support;

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{Scope, TrustedProxies};
use support::{Running, app};

/// Answers with what it knows.
#[consumer]
#[derive(Default)]
struct Socket;

#[consumer]
impl Socket {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let told = told(socket.scope());
        socket.accept().header("x-told", &told).await
    }
}

#[consumer(http)]
#[derive(Default)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let told = told(http.scope());
        http.send_response(StatusCode::OK, told).await
    }
}

fn told(scope: &Scope) -> String {
    let client = scope.client().map(|client| client.ip().to_string());
    let host = scope.host().unwrap_or("nobody");
    let client = client.unwrap_or_default();
    format!(
        "{}://{host} {client} {:?}",
        scope.scheme(),
        scope.http_version()
    )
}

const HEADERS: [(&str, &str); 5] = [
    ("x-forwarded-for", "8.8.8.8, 192.0.2.7, 10.0.0.2"),
    ("x-forwarded-proto", "http, https, http"),
    ("x-forwarded-host", "evil.example, a.example, b.example"),
    ("forwarded", "for=8.8.8.8;proto=https;host=evil.example"),
    (
        "forwarded",
        "for=192.0.2.8;host=c.example, for=10.0.0.2;proto=http",
    ),
];

/// What a page and a socket are told, in process and by a server.
async fn ask(app: ProtocolTypeRouter) -> (String, String) {
    let app = app.http(Page::app());
    let server = Running::start(&app).await;
    let pages = [
        HttpCommunicator::get(&app, "/"),
        HttpCommunicator::at(server.address, http::Method::GET, "/"),
    ];
    let sockets = [
        WebsocketCommunicator::new(&app, "/ws/"),
        WebsocketCommunicator::at(server.address, "/ws/"),
    ];
    let mut answers = Vec::new();
    for (mut page, mut socket) in pages.into_iter().zip(sockets) {
        for (name, value) in HEADERS {
            page = page.header(name, value);
            socket = socket.header(name, value);
        }
        let page = page.response().await.expect("a response");
        let accepted = socket.connect().await.expect("accepted");
        let told = accepted.headers["x-told"].to_str().expect("text");
        answers.push((
            String::from_utf8_lossy(page.body()).into_owned(),
            told.to_owned(),
        ));
    }
    assert_eq!(answers[0], answers[1], "in process and on a socket");
    answers.remove(0)
}

#[tokio::test]
async fn a_proxy_is_believed_where_it_is_trusted() {
    let proxies = || TrustedProxies::new(["127.0.0.1", "10.0.0.0/8"]);
    for (proxies, host, client, encrypted) in [
        (None, "testserver", "127.0.0.1", false),
        (
            Some(TrustedProxies::new(["10.0.0.0/8"])),
            "testserver",
            "127.0.0.1",
            false,
        ),
        (
            Some(TrustedProxies::new(["127.0.0.1"])),
            "testserver",
            "10.0.0.2",
            false,
        ),
        (Some(proxies()), "testserver", "192.0.2.7", true),
        (
            Some(proxies().x_forwarded_host()),
            "a.example",
            "192.0.2.7",
            true,
        ),
        (Some(proxies().forwarded()), "c.example", "192.0.2.8", false),
    ] {
        let mut app = app(Socket::app());
        if let Some(proxies) = proxies.clone() {
            app = app.trusted_proxies(proxies);
        }
        let (http, ws) = if encrypted {
            ("https", "wss")
        } else {
            ("http", "ws")
        };
        let rest = format!("://{host} {client} HTTP/1.1");
        let expected = (format!("{http}{rest}"), format!("{ws}{rest}"));
        assert_eq!(ask(app).await, expected, "{proxies:?}");
    }
}

#[tokio::test]
async fn a_typo_is_told_at_start_up() {
    let app = app(Socket::app()).trusted_proxies(["10.0.0.0/8", "10.0.0.256"]);
    let server = Server::bind("127.0.0.1:0").await.expect("a port");
    let error = server.serve(app).await.expect_err("a typo");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "`10.0.0.256` is no trusted proxy; allowed: an address (`10.1.2.3`, `::1`) or a network (`10.0.0.0/8`)"
    );
}
