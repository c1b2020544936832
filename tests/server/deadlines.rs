//! `Limits::handshake_timeout` holds for everything between the head and the answer.

use std::time::{Duration, Instant};

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{Middleware, Next, Response};

use crate::support::{Running, app};

/// Hangs where its header says: before the request goes on, or after the response has come back.
struct Hanging(&'static str);

impl Middleware for Hanging {
    async fn call(&self, next: Next<'_>) -> Response {
        if self.0 == "before" {
            std::future::pending::<()>().await;
        }
        let response = next.run().await;
        if self.0 == "after" {
            std::future::pending::<()>().await;
        }
        response
    }
}

#[consumer]
#[derive(Default)]
struct Socket;

#[consumer]
impl Socket {
    async fn receive(&mut self, _: &mut WebSocket, _: Message) {}
}

/// Answers after longer than any handshake may take.
#[consumer(http)]
#[derive(Default)]
struct Late;

#[consumer]
impl Late {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        tokio::time::sleep(Duration::from_secs(60)).await;
        http.send_response(StatusCode::OK, "late").await
    }
}

#[tokio::test(start_paused = true)]
async fn a_middleware_of_a_handshake_that_hangs_is_a_503() {
    for place in ["before", "after"] {
        let mut limits = Limits::default();
        limits.handshake_timeout = Duration::from_secs(3);
        let hanging = Hanging(place).around(Socket::app());
        let app = app(hanging).limits(limits);
        let begun = tokio::time::Instant::now();
        let mut client = WebsocketCommunicator::new(&app, "/ws/");
        let refused = client.connect().await.expect_err("it hangs");
        assert_eq!(refused.status(), 503, "{place}");
        assert_eq!(begun.elapsed().as_secs(), 3, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_middleware_of_a_request_that_hangs_is_a_503() {
    for (place, seconds) in [("before", 10), ("after", 70)] {
        let late = Hanging(place).around(Hanging("never").around(Late::app()));
        let app = ProtocolTypeRouter::new().http(late);
        let begun = tokio::time::Instant::now();
        let request = HttpCommunicator::get(&app, "/").timeout(Duration::from_secs(100));
        let response = request.response().await.expect("a response");
        assert_eq!(response.status(), 503, "{place}");
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(begun.elapsed().as_secs(), seconds, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_may_be_answered_late() {
    let late = Hanging("never").around(Late::app());
    let app = ProtocolTypeRouter::new().http(late);
    let request = HttpCommunicator::get(&app, "/").timeout(Duration::from_secs(100));
    let response = request.response().await.expect("a response");
    assert_eq!(response.body(), "late");
}

#[tokio::test]
async fn a_constructor_s_time_counts() {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(300);
    let slow = Patient::app_with(|_| {
        std::thread::sleep(Duration::from_millis(200));
        Patient
    });
    let server = Running::start(&app(slow).limits(limits)).await;
    let begun = Instant::now();
    let mut client = WebsocketCommunicator::at(server.address, "/ws/");
    let refused = client.connect().await.expect_err("it hangs");
    assert_eq!(refused.status(), 503);
    assert!(
        begun.elapsed() < Duration::from_millis(480),
        "{:?}",
        begun.elapsed()
    );
}

#[consumer]
struct Patient;

#[consumer]
impl Patient {
    async fn connect(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Takes 6 s before the request goes on.
struct Slow;

impl Middleware for Slow {
    async fn call(&self, next: Next<'_>) -> Response {
        tokio::time::sleep(Duration::from_secs(6)).await;
        next.run().await
    }
}

#[tokio::test(start_paused = true)]
async fn each_middleware_of_a_request_has_its_own_time() {
    let late = Slow.around(Slow.around(Late::app()));
    let app = ProtocolTypeRouter::new().http(late);
    let request = HttpCommunicator::get(&app, "/").timeout(Duration::from_secs(100));
    let response = request.response().await.expect("a response");
    assert_eq!(response.body(), "late");
}
