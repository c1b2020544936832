//! Clients that close their side after the request: each gets its answer. One that is gone is noticed.

use std::time::{Duration, Instant};

use channels::prelude::*;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Journal, Running, until, within};

/// Answers after the pause that its path names, in milliseconds.
#[consumer]
#[derive(Default)]
struct Slow;

async fn pause(scope: &channels::Scope) -> Result {
    let pause: u64 = scope.url_kwarg("pause")?;
    tokio::time::sleep(Duration::from_millis(pause)).await;
    Ok(())
}

#[consumer]
impl Slow {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        pause(socket.scope()).await?;
        match socket.scope().query_string() {
            "deny" => socket.deny(StatusCode::IM_A_TEAPOT).await,
            _ => socket.accept().await,
        }
    }
}

#[consumer(http)]
#[derive(Default)]
struct SlowPage;

#[consumer]
impl SlowPage {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        pause(http.scope()).await?;
        if http.scope().query_string() == "stream" {
            http.send_headers(StatusCode::OK).await?;
            pause(http.scope()).await?;
            http.send_body("slow").await?;
            return http.end();
        }
        http.send_response(StatusCode::OK, "slow").await
    }
}

fn app() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .websocket(URLRouter::new().path("ws/<int:pause>/", Slow::app()))
        .http(URLRouter::new().path("page/<int:pause>/", SlowPage::app()))
}

async fn ask(server: &Running, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    stream.shutdown().await.expect("half-closed");
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn each_gets_its_answer() {
    let server = Running::start(&app()).await;
    let mut answered = 0;
    for pause in [0, 1, 20, 100] {
        for _ in 0..5 {
            let handshake = |path: &str, more: &str| {
                let head = crate::UPGRADE.replace("/ws/", path);
                format!("{head}{more}\r\n")
            };
            let odd = "X: y\r\n".repeat(40);
            let ws = format!("/ws/{pause}/");
            let page =
                |query: &str| format!("GET /page/{pause}/{query} HTTP/1.1\r\nHost: t\r\n\r\n");
            let cases = [
                (handshake(&ws, ""), "101"),
                (handshake(&ws, &odd), "101"),
                (handshake(&format!("{ws}?deny"), ""), "418"),
                (handshake(&format!("{ws}?deny"), &odd), "418"),
                (page(""), "200"),
                (page("?stream"), "200"),
            ];
            for (request, status) in cases {
                let answer = ask(&server, &request).await;
                let expected = format!("HTTP/1.1 {status} ");
                assert!(answer.starts_with(&expected), "{request}: {answer}");
                if status == "200" {
                    assert!(answer.contains("slow"), "{answer}");
                }
                answered += 1;
            }
        }
    }
    assert_eq!(answered, 120);
}

/// Never answers, and notes how its client goes.
#[consumer(http)]
struct Poll {
    journal: Journal,
}

#[derive(Event, Serialize, Deserialize)]
#[event("poll.done")]
struct Done;

#[consumer]
impl Poll {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        self.journal.note("handle");
        if http.scope().query_string() == "events" {
            http.event_stream().await?;
        }
        Ok(())
    }

    #[handler("poll.done")]
    async fn done(&mut self, http: &mut HttpExchange, _: Done) -> Result {
        http.send_response(StatusCode::OK, "done").await
    }

    async fn disconnect(&mut self, why: Disconnect) {
        self.journal.note(format!("{:?}", why.by));
    }
}

/// How long it takes until it is noticed that the client of a request has gone, by a FIN or a reset.
async fn noticed_after(limits: Limits, path: &str, is_reset: bool) -> Duration {
    let journal = Journal::default();
    let poll = Poll::app_with({
        let journal = journal.clone();
        move |_| Poll {
            journal: journal.clone(),
        }
    });
    let app = ProtocolTypeRouter::new().limits(limits).http(poll);
    let server = Running::start(&app).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    until("it is asked", || journal.count("handle") == 1).await;
    if path.contains("events") {
        let mut head = [0; 12];
        within(stream.read_exact(&mut head)).await.expect("a head");
        let mut more = [0; 4096];
        while !more.windows(4).any(|part| part == b"\r\n\r\n") {
            let _ = within(stream.read(&mut more)).await.expect("a head");
        }
    }
    if is_reset {
        let linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        linger.expect("a reset");
    }
    let gone = Instant::now();
    drop(stream);
    until("it is noticed", || journal.count("Lost") == 1).await;
    gone.elapsed()
}

#[tokio::test]
async fn a_client_that_is_gone_is_noticed() {
    let mut patient = Limits::default();
    patient.grace = Duration::from_secs(3600);
    // A reset says that it is gone, and so does the answer to a comment.
    for (path, is_reset) in [("/", true), ("/?events", true), ("/?events", false)] {
        let took = noticed_after(patient.clone(), path, is_reset).await;
        assert!(took < Duration::from_secs(10), "{path}: {took:?}");
    }
    // A FIN alone may mean that the client waits for its answer: it has the grace period.
    let mut limits = Limits::default();
    limits.grace = Duration::from_millis(500);
    let took = noticed_after(limits, "/", false).await;
    assert!(took >= Duration::from_millis(450), "{took:?}");
}
