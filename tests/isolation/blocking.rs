//! Plain `fn` handlers whose clients do not read: logins, and other handlers, do not wait for them.

use std::time::Duration;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::bench::{keep_log, on_threads_with, was_logged};
use crate::support::{Journal, Running, until, within};

const BLOCKING_THREADS: usize = 6;
const HANDLERS: usize = 4;
const SENDS: usize = 2;

/// More than is queued for a client that reads nothing.
const PARTS: usize = 64;
const PART: usize = 256 * 1024;

#[consumer]
struct Floods(Journal);

#[consumer]
impl Floods {
    fn receive(&mut self, socket: &mut BlockingWebSocket, text: String) -> Result {
        if text != "flood" {
            return socket.send(text);
        }
        self.0.note("flood");
        let sent = (0..PARTS).try_for_each(|_| socket.send(vec![0; PART]));
        let what = sent
            .as_ref()
            .map_or_else(Error::kind, |()| ErrorKind::Other);
        self.0.note(format!("{what:?}"));
        sent
    }
}

#[consumer(http)]
struct Streams(Journal);

#[consumer]
impl Streams {
    fn handle(&mut self, http: &mut BlockingHttpExchange) -> Result {
        self.0.note("flood");
        http.send_headers(StatusCode::OK, &[])?;
        let sent = (0..PARTS).try_for_each(|_| http.send_body(vec![0; PART]));
        let what = sent
            .as_ref()
            .map_or_else(Error::kind, |()| ErrorKind::Other);
        self.0.note(format!("{what:?}"));
        sent
    }
}

fn application(journal: &Journal) -> ProtocolTypeRouter {
    keep_log();
    let mut limits = Limits::default();
    limits.blocking_handlers = HANDLERS;
    limits.blocking_sends = SENDS;
    let (floods, streams) = (journal.clone(), journal.clone());
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(URLRouter::new().path("ws/", Floods::app_with(move |_| Floods(floods.clone()))))
        .http(URLRouter::new().path(
            "stream/",
            Streams::app_with(move |_| Streams(streams.clone())),
        ))
        .limits(limits)
}

/// Others have their turn: what needs a blocking thread, as a login does, and other handlers.
async fn others_go_on(app: &ProtocolTypeRouter) {
    let login = tokio::task::spawn_blocking(|| "logged in");
    let login = tokio::time::timeout(Duration::from_secs(5), login).await;
    assert_eq!(
        login.expect("a login waits").expect("no panic"),
        "logged in"
    );
    let mut polite = WebsocketCommunicator::new(app, "/ws/");
    within(polite.connect()).await.expect("accepted");
    polite.send("alive").await.expect("sent");
    assert_eq!(
        within(polite.receive::<String>()).await.expect("an echo"),
        "alive"
    );
}

#[test]
fn sockets_that_never_read_do_not_take_the_threads_of_others() {
    on_threads_with(BLOCKING_THREADS, async {
        let journal = Journal::default();
        let app = application(&journal);
        let mut clients = Vec::new();
        for _ in 0..3 * BLOCKING_THREADS {
            let mut client = WebsocketCommunicator::new(&app, "/ws/");
            client.connect().await.expect("accepted");
            client.send("flood").await.expect("sent");
            clients.push(client);
        }
        let closed = format!("{:?}", ErrorKind::Closed);
        let most = 3 * BLOCKING_THREADS - SENDS;
        until("all but those that may wait are closed", || {
            journal.count(&closed) >= most
        })
        .await;
        others_go_on(&app).await;
        assert!(was_logged(&["WARN", "too many plain `fn` handlers wait"]));
        // One of those that wait reads: it gets everything.
        let mut whole = 0;
        for client in &mut clients {
            let mut parts = 0;
            while let Ok(part) = within(client.receive::<Vec<u8>>()).await {
                assert_eq!(part.len(), PART);
                parts += 1;
                if parts == PARTS {
                    whole += 1;
                    break;
                }
            }
        }
        // One that stops waiting while it is chosen may cost another one its place.
        assert!(whole <= SENDS);
        drop(clients);
        until("no connection is left", || app.context().connections() == 0).await;
    });
}

#[test]
fn responses_that_are_not_read_do_not_take_the_threads_of_others() {
    on_threads_with(BLOCKING_THREADS, async {
        let journal = Journal::default();
        let app = application(&journal);
        let server = Running::start(&app).await;
        let mut clients = Vec::new();
        for _ in 0..3 * BLOCKING_THREADS {
            let mut client = TcpStream::connect(server.address).await.expect("connected");
            let request = b"GET /stream/ HTTP/1.1\r\nHost: test\r\n\r\n";
            client.write_all(request).await.expect("written");
            clients.push(client);
        }
        let closed = format!("{:?}", ErrorKind::Closed);
        let most = 3 * BLOCKING_THREADS - SENDS;
        until("all but those that may wait are broken off", || {
            journal.count(&closed) >= most
        })
        .await;
        others_go_on(&app).await;
        drop(clients);
        until("no connection is left", || app.context().connections() == 0).await;
    });
}

/// A handler that hangs has a thread for as long: others wait for one, and a login does not.
#[test]
fn handlers_that_block_leave_threads_to_others() {
    #[consumer]
    struct Blocks(Journal, std::sync::Arc<std::sync::Barrier>);

    #[consumer]
    impl Blocks {
        fn receive(&mut self, _text: String) {
            self.0.note("blocks");
            self.1.wait();
        }

        fn disconnect(&mut self) {
            self.0.note("disconnect");
        }
    }

    on_threads_with(BLOCKING_THREADS, async {
        let journal = Journal::default();
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(HANDLERS + 1));
        let mut limits = Limits::default();
        limits.blocking_handlers = HANDLERS;
        let consumer = Blocks::app_with({
            let (journal, barrier) = (journal.clone(), barrier.clone());
            move |_| Blocks(journal.clone(), barrier.clone())
        });
        let app = crate::support::app(consumer).limits(limits);
        let mut clients = Vec::new();
        for _ in 0..=HANDLERS {
            let mut client = WebsocketCommunicator::new(&app, "/ws/");
            client.connect().await.expect("accepted");
            client.send("block").await.expect("sent");
            clients.push(client);
        }
        until("as many block as may", || {
            journal.count("blocks") == HANDLERS
        })
        .await;
        let login = tokio::task::spawn_blocking(|| ());
        let login = tokio::time::timeout(Duration::from_secs(5), login).await;
        login.expect("a login waits").expect("no panic");
        assert_eq!(journal.count("blocks"), HANDLERS, "the last one waits");
        // It is released by the next one, which has a thread now.
        tokio::task::spawn_blocking(move || barrier.wait())
            .await
            .expect("no panic");
        until("the last one blocks", || {
            journal.count("blocks") == HANDLERS + 1
        })
        .await;
        drop(clients);
    });
}
