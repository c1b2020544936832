//! What a session and a user add to an idle socket, counted. It needs the feature `database`:
//! `cargo test --release -p channels-bench --features database --test identity`.

use std::time::Duration;

use allocation_counter::measure;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{AuthMiddlewareStack, Site};
use tokio::runtime::Builder;

const SOCKETS: i64 = 1000;

/// What an idle socket in a group may take without (`guard.rs`).
const ALONE: i64 = 2100;

#[derive(Event, Serialize, Deserialize)]
#[event("idle.over")]
struct Over;

#[consumer(groups("idle"))]
#[derive(Default)]
struct Idle;

#[consumer]
impl Idle {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        if socket.scope().path() == "/user/" {
            assert!(socket.user().await?.is_authenticated());
        }
        socket.accept().await
    }

    #[handler("idle.over")]
    async fn over(&mut self, socket: &mut WebSocket, event: &Over) -> Result {
        socket.send_json(event).await
    }
}

#[test]
fn a_session_and_a_user_cost_less_than_two_kilobytes() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let site = Site::in_memory().expect("a site");
    let cookie = runtime.block_on(async {
        let user = site.create_user("ana", "secret").await.expect("a user");
        let session = site.session(None);
        site.login(&session, &user).await.expect("a login");
        session.save().await.expect("a row");
        let key = session.key().await.expect("an answer").expect("a key");
        format!("sessionid={key}")
    });
    let sockets = URLRouter::new()
        .path("idle/", Idle::app())
        .path("user/", AuthMiddlewareStack::new(Idle::app()));
    let app = ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .site(site)
        .websocket(sockets);
    // Both ends of each socket: what the clients hold is the same for both paths.
    let bytes_of = |path: &str| {
        let mut clients = Vec::new();
        let counted = measure(|| {
            runtime.block_on(async {
                for _ in 0..SOCKETS {
                    let client = WebsocketCommunicator::new(&app, path);
                    let mut client = client.header("cookie", &cookie);
                    client.connect().await.expect("a socket");
                    clients.push(client);
                }
                tokio::task::yield_now().await;
            });
        });
        drop(clients);
        runtime.block_on(async {
            while app.context().connections() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        counted.bytes_current / SOCKETS
    };
    // The tables that all sockets share grow once.
    bytes_of("/user/");
    let (alone, with_user) = (bytes_of("/idle/"), bytes_of("/user/"));
    let added = with_user - alone;
    assert!(ALONE + added <= 4096, "{added} bytes more");
}
