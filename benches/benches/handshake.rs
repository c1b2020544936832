//! What a handshake costs by who looks at its session: nobody, or a consumer that asks for the user,
//! whose session and row lie in memory or in SQLite.
//!
//! One turn is a client's handshake and its end, in this process and without a network.

use std::hint::black_box;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{AuthMiddlewareStack, Database, SecretKeys, Site};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

#[consumer]
#[derive(Default)]
struct Silent;

#[consumer]
impl Silent {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        socket.accept().await
    }
}

#[consumer]
#[derive(Default)]
struct Asking;

#[consumer]
impl Asking {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        assert!(socket.user().await?.is_authenticated());
        socket.accept().await
    }
}

fn app() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new().channel_layer(InMemoryChannelLayer::new())
}

fn sockets() -> URLRouter {
    URLRouter::new()
        .path("silent/", Silent::app())
        .path("asking/", Asking::app())
}

/// The key of a session in which somebody is logged in.
async fn logged_in(site: &Site) -> String {
    let user = site.create_user("ana", "secret").await.expect("a user");
    let session = site.session(None);
    site.login(&session, &user).await.expect("a login");
    session.save().await.expect("a row");
    let key = session.key().await.expect("an answer");
    key.expect("a key")
}

fn handshake(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let file = std::env::temp_dir().join(format!("channels-bench-{}.sqlite3", std::process::id()));
    let database = Database::open(&format!("sqlite://{}", file.display())).expect("a URL");
    let in_memory = Site::in_memory().expect("a site");
    let in_sqlite = Site::new(SecretKeys::new("a key"), database.clone(), database);
    let in_memory_key = runtime.block_on(logged_in(&in_memory));
    let in_sqlite_key = runtime.block_on(logged_in(&in_sqlite));
    let stack = |site: Site| {
        app()
            .site(site)
            .websocket(AuthMiddlewareStack::new(sockets()))
    };

    let mut group = criterion.benchmark_group("handshake");
    let cases = [
        ("no session", app().websocket(sockets()), "/silent/", ""),
        (
            "session, not asked for",
            stack(in_memory.clone()),
            "/silent/",
            &*in_memory_key,
        ),
        (
            "user in memory",
            stack(in_memory),
            "/asking/",
            &*in_memory_key,
        ),
        (
            "user in SQLite",
            stack(in_sqlite),
            "/asking/",
            &*in_sqlite_key,
        ),
    ];
    for (name, app, path, key) in cases {
        let cookie = format!("sessionid={key}");
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(async || {
                let mut client = WebsocketCommunicator::new(&app, path).header("cookie", &cookie);
                black_box(client.connect().await.expect("a socket"));
            });
        });
    }
    group.finish();
    drop(runtime);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}

criterion_group!(benches, handshake);
criterion_main!(benches);
