//! The same over real sockets, where clients do what the test kit's do not.

use std::fmt::Write as _;
use std::time::Duration;

use channels::prelude::*;
use channels::testing::HttpCommunicator;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::actor::actor;
use crate::events::{hears, news};
use crate::support::{Journal, Running, until, within};

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

async fn raw(server: &Running, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    within(stream.read_to_string(&mut text))
        .await
        .expect("an answer");
    text
}

const HEAD: &str = "POST /echo/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";

#[track_caller]
fn is_answered_with(answer: &str, status: u16) {
    let expected = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&expected), "{answer:?}");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_makes_no_consumer() {
    let mut limits = Limits::default();
    limits.body_timeout = Duration::from_millis(200);
    let journal = Journal::default();
    let app = actor(&journal).limits(limits);
    let server = Running::start(&app).await;
    let slow = raw(&server, &format!("{HEAD}content-length: 10\r\n\r\nhalf")).await;
    is_answered_with(&answer(slow).await, 408);
    let gone = raw(&server, &format!("{HEAD}content-length: 10\r\n\r\nhalf")).await;
    drop(gone);
    assert!(journal.lines().is_empty(), "{:?}", journal.lines());
    assert_eq!(app.context().connections(), 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_broken_makes_no_consumer() {
    let journal = Journal::default();
    let app = actor(&journal);
    let server = Running::start(&app).await;
    let chunks = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let bad = raw(&server, &format!("{chunks}zz\r\n")).await;
    is_answered_with(&answer(bad).await, 400);
    // Announced too large, and asked before it is sent: the answer comes at once.
    let asks = "content-length: 99999999\r\nexpect: 100-continue\r\n\r\n";
    let asking = raw(&server, &format!("{HEAD}{asks}")).await;
    is_answered_with(&answer(asking).await, 413);
    // Too large in chunks, which announce nothing.
    let mut large = chunks;
    for _ in 0..17 {
        let _infallible = write!(large, "10000\r\n{}\r\n", "x".repeat(0x10000));
    }
    let large = raw(&server, &(large + "0\r\n\r\n")).await;
    is_answered_with(&answer(large).await, 413);
    assert!(journal.lines().is_empty(), "{:?}", journal.lines());
    assert_eq!(app.context().connections(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_has_no_last_chunk() {
    let server = Running::start(&actor(&Journal::default())).await;
    let head = "GET /panic-late/ HTTP/1.1\r\nhost: x\r\n\r\n";
    let text = answer(raw(&server, head).await).await;
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\n5\r\nbegun\r\n"),
        "{text:?}"
    );
    let whole = "GET /stop-late/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let text = answer(raw(&server, whole).await).await;
    assert!(text.ends_with("\r\n5\r\nbegun\r\n0\r\n\r\n"), "{text:?}");
}

#[tokio::test]
async fn inside_an_axum_program_a_stream_lives_as_it_does_alone() {
    let news = news();
    let program = axum::Router::new().route_service("/events/", news.app.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, program).await });
    let request = HttpCommunicator::at(address, Method::GET, "/events/");
    let mut stream = request.open().await.expect("a stream");
    stream.event().await.expect("the first").expect("an event");
    news.publish("hello").await;
    hears(&mut stream, "hello").await;
    drop(stream);
    until("the client is gone", || news.journal.count("Lost") == 1).await;
    serving.abort();
}

/// A server whose clients have to send 20 bytes in each 200 ms.
fn impatient(app: ProtocolTypeRouter) -> ProtocolTypeRouter {
    let mut limits = Limits::default();
    limits.body_timeout = Duration::from_millis(200);
    app.limits(limits)
}

/// Sends a body in pieces. Returns what the server answers.
async fn upload(server: &Running, path: &str, piece: &str, pause: u64, times: usize) -> String {
    let length = piece.len() * times;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    let (reader, mut writer) = raw(server, &head).await.into_split();
    let piece = piece.to_owned();
    let writing = tokio::spawn(async move {
        for _ in 0..times {
            if writer.write_all(piece.as_bytes()).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        writer
    });
    let mut text = String::new();
    let mut reader = reader;
    // A server that closes while its client sends resets the connection, perhaps after its answer.
    let _ = within(reader.read_to_string(&mut text)).await;
    writing.abort();
    text
}

#[tokio::test]
async fn a_slow_upload_passes_and_one_byte_by_byte_gets_408() {
    let journal = Journal::default();
    let app = impatient(actor(&journal));
    let server = Running::start(&app).await;
    let healthy = upload(&server, "/echo/", &"x".repeat(100), 50, 20).await;
    is_answered_with(&healthy, 200);
    let silent = upload(&server, "/echo/", "x", 250, 1000).await;
    is_answered_with(&silent, 408);
}

#[tokio::test]
async fn an_upload_to_a_tower_service_has_the_same_pace() {
    let page = axum::Router::new()
        .route(
            "/axum-page",
            axum::routing::post(|body: String| async move { body }),
        )
        .route(
            "/late",
            axum::routing::post(|request: axum::extract::Request| async move {
                // Busy for longer than a period, before it reads the body.
                tokio::time::sleep(Duration::from_millis(500)).await;
                let body = axum::body::to_bytes(request.into_body(), 10_000).await;
                body.map_or_else(|error| error.to_string(), |body| body.len().to_string())
            }),
        );
    let app = impatient(ProtocolTypeRouter::new().http(page));
    let server = Running::start(&app).await;
    let healthy = upload(&server, "/axum-page", &"x".repeat(100), 50, 20).await;
    is_answered_with(&healthy, 200);
    let late = upload(&server, "/late", &"x".repeat(100), 0, 20).await;
    assert!(late.ends_with("\r\n\r\n2000"), "{late}");
    // The connection ends, though its client would go on for minutes.
    let silent = upload(&server, "/axum-page", "x", 250, 1000).await;
    is_answered_with(&silent, 400);
    // A client that has vanished sends nothing, and does not hold up a shutdown.
    let head = "POST /axum-page HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    let vanished = raw(&server, head).await;
    let answered = answer(vanished).await;
    is_answered_with(&answered, 400);
}

#[tokio::test]
async fn an_upload_to_a_mounted_application_has_the_same_pace() {
    let app = impatient(actor(&Journal::default()));
    let program = axum::Router::new().route_service("/echo/", app);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, program).await });
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!("{HEAD}content-length: 10\r\n\r\nhalf");
    stream.write_all(head.as_bytes()).await.expect("written");
    is_answered_with(&answer(stream).await, 408);
    serving.abort();
}
