//! What happens before the first connection and after the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use channels::testing::{ApplicationCommunicator, WebsocketCommunicator};
use channels::{Server, State};

use super::*;
use crate::support::{Journal, Running, within};

struct Pool(&'static str);

#[consumer]
#[derive(Default)]
struct Asks;

#[consumer]
impl Asks {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let pool = socket.scope().state::<Pool>()?.0;
        let given = *socket.scope().state::<u32>()?;
        socket
            .accept()
            .header("x-state", &format!("{pool} {given}"))
            .await
    }

    async fn disconnect(&mut self, socket: &mut WebSocket) {
        if let Ok(journal) = socket.scope().state::<Journal>() {
            journal.note("disconnect");
        }
    }
}

fn sockets() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(URLRouter::new().path("ws/", Asks::app()))
}

#[tokio::test]
async fn hooks_run_in_order_around_all_connections() {
    let journal = Journal::default();
    let (first, second) = (journal.clone(), journal.clone());
    let (third, last) = (journal.clone(), journal.clone());
    let app = sockets()
        .state(7_u32)
        .state(journal.clone())
        .on_startup(async move || {
            first.note("one");
            Ok(Pool("made"))
        })
        .on_startup(async move || {
            tokio::task::yield_now().await;
            second.note("two");
            Ok(())
        })
        .on_shutdown(async move |state: State| {
            third.note(format!(
                "close {}",
                state.get::<Pool>().map_or("", |pool| pool.0)
            ));
        })
        .on_shutdown(async move |_| last.note("last"));
    let server = Running::start(&app).await;
    let mut client = WebsocketCommunicator::at(server.address, "/ws/");
    let accepted = client.connect().await.expect("accepted");
    assert_eq!(accepted.headers["x-state"], "made 7");
    let stopped = tokio::spawn(server.stopped());
    client.closed().await.expect("the server closes");
    within(stopped).await.expect("no panic").expect("served");
    assert_eq!(
        journal.lines(),
        ["one", "two", "disconnect", "close made", "last"]
    );
}

#[tokio::test]
async fn nothing_is_accepted_if_the_startup_fails() {
    let reached = Arc::new(AtomicBool::new(false));
    let later = Arc::clone(&reached);
    let app = sockets()
        .on_startup(async || Err::<(), _>("the database is down".into()))
        .on_startup(async move || {
            later.store(true, Ordering::Relaxed);
            Ok(())
        });
    let server = Server::bind("127.0.0.1:0").await.expect("a free port");
    let address = server.local_addr().expect("an address");
    let failed = within(server.serve(app.clone()))
        .await
        .expect_err("it fails");
    assert_eq!(
        failed.to_string(),
        "the startup failed: the database is down"
    );
    assert!(!reached.load(Ordering::Relaxed));
    ApplicationCommunicator::connect(address)
        .await
        .expect_err("nobody listens");
    let again = app.startup().await.expect_err("it has failed");
    assert_eq!(again.to_string(), "the startup has failed before");
}

#[tokio::test]
async fn a_program_of_its_own_starts_the_application() {
    let app = sockets().state(1_u32).on_startup(async || Ok(Pool("made")));
    let mut early = WebsocketCommunicator::new(&app, "/ws/");
    assert_eq!(early.connect().await.expect_err("no pool").status(), 500);
    let (one, other) = tokio::join!(app.startup(), app.startup());
    one.and(other).expect("started, once");
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    let accepted = client.connect().await.expect("accepted");
    assert_eq!(accepted.headers["x-state"], "made 1");
    let ((), closed) = tokio::join!(app.shutdown(), client.closed());
    closed.expect("the application closes");
    within(app.shutdown()).await;
}

#[tokio::test]
async fn pages_have_the_state_as_well() {
    let page = async |axum::Extension(state): axum::Extension<State>| {
        state.get::<Pool>().map_or("none", |pool| pool.0)
    };
    let pages = axum::Router::new().route("/", axum::routing::get(page));
    let app = ProtocolTypeRouter::new().http(pages).state(Pool("given"));
    let response = HttpCommunicator::get(&app, "/").response().await;
    assert_eq!(response.expect("a response").body(), "given");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_hook_for_ever() {
    let mut limits = Limits::default();
    limits.shutdown_timeout = std::time::Duration::from_secs(10);
    let app = sockets()
        .limits(limits)
        .on_shutdown(async |_| std::future::pending().await);
    within(app.shutdown()).await;
}

#[tokio::test]
#[should_panic(expected = "takes no more startup hooks")]
async fn a_hook_that_would_never_run_is_refused() {
    let app = sockets();
    app.startup().await.expect("started");
    let _app = app.on_startup(async || Ok(()));
}
