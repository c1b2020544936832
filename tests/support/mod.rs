//! What the integration tests share.
#![allow(dead_code, reason = "each test program uses its part")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use channels::prelude::*;
use channels::{Server, WebSocketApp};

/// The longest that any test waits, by the clock of its runtime.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Fails a test that waits for what does not come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("the test's deadline")
}

/// An application of one route, `/ws/`.
pub(crate) fn app(consumer: impl WebSocketApp) -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(URLRouter::new().path("ws/", consumer))
}

/// Waits until something is so; the clock may be a paused one.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never so: {what}");
}

/// What the consumers of a test did, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0
            .lock()
            .expect("no test panics here")
            .push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics here").clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|known| *known == line).count()
    }
}

/// A server on a free port; it stops when the value is dropped or told to.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result>,
}

impl Running {
    pub(crate) async fn start(app: &ProtocolTypeRouter) -> Self {
        let server = Server::bind("127.0.0.1:0").await.expect("a free port");
        let address = server.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = server.shutdown_on(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(server.serve(app.clone()));
        Self {
            address,
            stop: Some(stop),
            task,
        }
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    pub(crate) async fn stopped(mut self) -> Result {
        self.stop();
        within(self.task).await.expect("the server does not panic")
    }
}
