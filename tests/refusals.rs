//! What a client can cause to be logged: short lines, and not many.

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use channels::prelude::*;
use channels::{
    AuthMiddlewareStack, CsrfMiddleware, InMemorySessionStore, InMemoryUserStore, Middleware,
    OriginValidator, SecretKeys, SessionMiddlewareStack, Site, URLRouter,
};
use support::{DEADLINE, Running, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::util::SubscriberInitExt;

/// Bytes of the longest line.
const LONGEST: usize = 1500;

/// Lines per kind at once; then one per second.
const BURST: usize = 10;

const REQUESTS: usize = 60;

/// The log of this test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Whether a line since the last call of `take` has a text.
    fn has(&self, text: &str) -> bool {
        let bytes = self.0.lock().expect("no panic").clone();
        String::from_utf8_lossy(&bytes).contains(text)
    }

    /// The lines since the last call.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    }
}

#[consumer]
#[derive(Default)]
struct Socket;

#[consumer]
impl Socket {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        socket.accept().await
    }
}

/// Fails in `connect` and in `disconnect`, as its path says.
#[consumer]
#[derive(Default)]
struct Broken;

#[consumer]
impl Broken {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        match socket.url_kwarg::<String>("how")?.as_str() {
            "fails" => Err(Error::other("x".repeat(50_000))),
            "panics" => panic!("on purpose, in connect"),
            _ => socket.accept().await,
        }
    }

    async fn disconnect(&mut self) -> Result {
        Err(Error::other("on purpose, in disconnect"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[expect(dead_code, reason = "it is only read from the body")]
    number: u32,
}

/// Fails, as its path says.
#[consumer(http)]
#[derive(Default)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange, _: Json<Fields>) -> Result {
        http.send_response(StatusCode::OK, "").await
    }
}

#[consumer(http)]
#[derive(Default)]
struct Failing;

#[consumer]
impl Failing {
    async fn handle(&mut self, http: &mut HttpExchange, body: String) -> Result {
        match http.url_kwarg::<String>("how")?.as_str() {
            "unavailable" => Err(Error::unavailable(body)),
            "session" => http.session().map(|_| ()),
            _ => Err(Error::other(body)),
        }
    }
}

fn app() -> ProtocolTypeRouter {
    let site = Site::new(
        SecretKeys::new("a key for tests"),
        InMemorySessionStore::new(),
        InMemoryUserStore::default(),
    );
    let sockets = URLRouter::new()
        .path("ws/", Socket::app())
        .path("broken/<str:how>/", Broken::app());
    let listed = OriginValidator::new(["https://a.example"]).expect("an origin");
    let pages = URLRouter::new()
        .path("json/", Page::app())
        .path("fail/<str:how>/", Failing::app())
        .path("csrf/", CsrfMiddleware::new().around(Page::app()))
        .path("stack/", SessionMiddlewareStack::new(Page::app()))
        .path("listed/", listed.around(Page::app()));
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .site(site)
        .websocket(AuthMiddlewareStack::new(sockets))
        .http(pages)
}

/// Sends a head and a body, and reads the status.
async fn status(server: &Running, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    let length = body.len();
    let request = format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    within(stream.write_all(request.as_bytes()))
        .await
        .expect("written");
    let mut start = [0; 12];
    within(stream.read_exact(&mut start))
        .await
        .expect("an answer");
    String::from_utf8_lossy(&start[9..]).into_owned()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "most of it is a table")]
async fn a_client_causes_short_lines_and_not_many() {
    let log = Log::default();
    let writer = log.clone();
    let _guard = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(move || writer.clone())
        .finish()
        .set_default();
    let server = Running::start(&app()).await;
    // U+009B begins a command to a terminal.
    let origin = "https://evil.example/\u{9b}31m".to_owned() + &"x".repeat(58_000);
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let long_body = format!("\"{}\"", "x\\n".repeat(50_000));
    for (method, path, headers, body, expected, message) in [
        (
            "GET",
            "/ws/",
            format!("{upgrade}Origin: {origin}\r\n"),
            "",
            "403",
            "origin not allowed",
        ),
        (
            "GET",
            "/broken/fails/",
            upgrade.to_owned(),
            "",
            "500",
            "a handler failed",
        ),
        (
            "GET",
            "/broken/panics/",
            upgrade.to_owned(),
            "",
            "500",
            "a handler panicked",
        ),
        (
            "GET",
            "/broken/late/",
            upgrade.to_owned(),
            "",
            "101",
            "`disconnect` failed",
        ),
        (
            "POST",
            "/stack/",
            format!("Origin: {origin}\r\n"),
            "1",
            "403",
            "origin not allowed",
        ),
        (
            "POST",
            "/listed/",
            format!("Origin: {origin}\r\n"),
            "1",
            "403",
            "origin not allowed",
        ),
        (
            "POST",
            "/csrf/",
            format!("Origin: {origin}\r\n"),
            "1",
            "403",
            "CSRF verification failed",
        ),
        (
            "POST",
            "/json/",
            String::new(),
            &long_body,
            "400",
            "invalid body",
        ),
        (
            "POST",
            "/fail/unavailable/",
            String::new(),
            &long_body,
            "503",
            "dependency unavailable",
        ),
        (
            "POST",
            "/fail/other/",
            String::new(),
            &long_body,
            "500",
            "a handler failed",
        ),
        (
            "GET",
            "/json/",
            format!("{}_: y\r\n", "x".repeat(50_000)),
            "",
            "400",
            "dropped a header",
        ),
    ] {
        log.take();
        let begun = Instant::now();
        let mut requests = 0;
        // An earlier row may have used up the lines of this kind: then one comes within a second.
        while requests < REQUESTS || (!log.has(message) && begun.elapsed() < DEADLINE) {
            requests += 1;
            let head = format!("{method} {path} HTTP/1.1\r\nHost: b.example\r\n{headers}");
            let answered = status(&server, &head, body).await;
            assert_eq!(answered, expected, "{message}");
        }
        let lines = log.take();
        let is_ours = |line: &&String| !line.contains(" TRACE ") && line.contains("channels");
        let lines: Vec<_> = lines.iter().filter(is_ours).collect();
        let of_kind = lines.iter().filter(|line| line.contains(message)).count();
        let most = BURST + 1 + usize::try_from(begun.elapsed().as_secs()).expect("a few");
        assert!((1..=most).contains(&of_kind), "{message}: {of_kind} lines");
        let longest = lines.iter().map(|line| line.len()).max();
        assert!(longest <= Some(LONGEST), "{message}: {longest:?} bytes");
    }
}
