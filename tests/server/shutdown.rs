//! Shutdowns: what runs may end, and what comes meanwhile gets a 503.

use std::time::Duration;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Journal, Running, app, until, within};
use crate::{Echo, Room, get_text, pages};

#[tokio::test]
async fn a_shutdown_lets_handlers_and_requests_end() {
    let journal = Journal::default();
    let room = Room::app_with({
        let journal = journal.clone();
        move |_| Room {
            journal: journal.clone(),
        }
    });
    let router = URLRouter::new().path("<slug:room>/<int:page>/", room);
    let app = ProtocolTypeRouter::new()
        .websocket(router)
        .http(pages(journal.clone()));
    let mut server = Running::start(&app).await;
    let address = server.address;
    let mut client = WebsocketCommunicator::at(address, "/a/1/");
    client.connect().await.expect("accepted");
    client.send("work").await.expect("sent");
    until("the handler runs", || journal.count("begun") == 1).await;
    let page = tokio::spawn(get_text(address, "/slow"));
    until("the request runs", || journal.count("slow begun") == 1).await;
    server.stop();
    let frame = client.closed().await.expect("closed").expect("a frame");
    assert_eq!(frame.code, CloseCode::SERVICE_RESTART);
    assert_eq!(within(page).await.expect("no panic").1, "done");
    server.stopped().await.expect("a clean stop");
    assert_eq!(
        journal.lines(),
        [
            "a 1",
            "begun",
            "slow begun",
            "handled to the end",
            "disconnect 1012"
        ]
    );
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nothing is accepted any more"
    );
}

#[tokio::test]
async fn a_shutdown_waits_for_no_client_that_has_its_answer() {
    let mut limits = Limits::default();
    limits.close_timeout = Duration::from_secs(3600);
    limits.shutdown_timeout = Duration::from_secs(3600);
    let server = Running::start(&app(Echo::app()).limits(limits)).await;
    let mut clients = Vec::new();
    for connection in ["keep-alive", "close"] {
        let mut stream = TcpStream::connect(server.address).await.expect("connected");
        let head = format!("GET / HTTP/1.1\r\nHost: t\r\nConnection: {connection}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("written");
        let mut start = [0; 12];
        within(stream.read_exact(&mut start))
            .await
            .expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 404");
        clients.push(stream);
    }
    server.stopped().await.expect("a clean stop");
}

/// Waits in `connect`, and notes that it does.
#[consumer]
struct Patient {
    journal: Journal,
}

#[consumer]
impl Patient {
    async fn connect(&mut self) {
        self.journal.note("connect");
        std::future::pending::<()>().await;
    }
}

/// Answers late, and notes that it was asked.
#[consumer(http)]
struct Late {
    journal: Journal,
}

#[consumer]
impl Late {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        self.journal.note("handle");
        tokio::time::sleep(Duration::from_millis(300)).await;
        http.send_response(StatusCode::OK, "late").await
    }
}

fn waiting(journal: &Journal) -> ProtocolTypeRouter {
    let patient = Patient::app_with({
        let journal = journal.clone();
        move |_| Patient {
            journal: journal.clone(),
        }
    });
    let late = Late::app_with({
        let journal = journal.clone();
        move |_| Late {
            journal: journal.clone(),
        }
    });
    app(patient).http(URLRouter::new().path("late/", late))
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer))
        .await
        .expect("an answer");
    answer
}

#[tokio::test]
async fn a_handshake_that_waits_gets_a_503() {
    let journal = Journal::default();
    let mut server = Running::start(&waiting(&journal)).await;
    let mut clients = Vec::new();
    for more in ["", &"X: y\r\n".repeat(40)] {
        let mut stream = TcpStream::connect(server.address).await.expect("connected");
        let head = format!("{}{more}\r\n", crate::UPGRADE);
        stream.write_all(head.as_bytes()).await.expect("written");
        clients.push(stream);
    }
    until("both wait", || journal.count("connect") == 2).await;
    server.stop();
    for mut stream in clients {
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    }
    server.stopped().await.expect("a clean stop");
}

#[tokio::test]
async fn a_request_that_comes_in_during_the_shutdown_gets_a_503() {
    let journal = Journal::default();
    let app = waiting(&journal);
    let mut server = Running::start(&app).await;
    let late = tokio::spawn(get_text(server.address, "/late/"));
    // Its head is on its way when the server is told to stop.
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    let written = stream.write_all(b"GET /late/ HTTP/1.1\r\n").await;
    written.expect("written");
    until("the first is asked", || journal.count("handle") == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop();
    until("it ends", || {
        app.context().connections() == 0 || journal.count("handle") > 1
    })
    .await;
    stream.write_all(b"Host: t\r\n\r\n").await.expect("written");
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert_eq!(within(late).await.expect("no panic").1, "late");
    server.stopped().await.expect("a clean stop");
}
