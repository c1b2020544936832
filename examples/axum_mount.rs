//! Consumers inside an axum program that exists already: its server, its state, its shutdown.
//!
//! ```text
//! cargo run --example axum_mount
//! ```
//!
//! Then listen, in the console of a browser's empty tab:
//! `s = new WebSocket("ws://127.0.0.1:8000/ws/news/")`, and
//! `s.onmessage = (m) => console.log(m.data)`. And announce something, which all listeners hear:
//!
//! ```text
//! curl -d 'Dinner is ready' http://127.0.0.1:8000/announce
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use channels::prelude::*;

/// Something that all listeners should hear.
#[derive(Event, Serialize, Deserialize)]
#[event("news.announced")]
struct Announced {
    number: u64,
    text: String,
}

#[consumer(groups("news"))]
#[derive(Default)]
struct News;

#[consumer]
impl News {
    #[handler("news.announced", relay)]
    async fn announced(&mut self, socket: &mut WebSocket, event: &Announced) -> Result {
        socket.send_json(event).await
    }
}

/// The state of the program, as it was before there were sockets; and the sockets, whose layer leads to
/// them: one in memory, or that of the environment's `CHANNEL_LAYERS`.
#[derive(Clone)]
struct AppState {
    announcements: Arc<AtomicU64>,
    sockets: ProtocolTypeRouter,
}

async fn announce(State(state): State<AppState>, text: String) -> Result<String, String> {
    let number = state.announcements.fetch_add(1, Ordering::Relaxed) + 1;
    let heard = send(&state.sockets, Announced { number, text }).await;
    let heard = heard.map_err(|error| error.to_string())?;
    Ok(format!("announcement {number} goes to {heard} listeners\n"))
}

/// Tells how many listeners it goes to: those of this process, as far as the layer knows.
async fn send(sockets: &ProtocolTypeRouter, announced: Announced) -> Result<usize> {
    let layer = sockets.context().layers().get("default")?;
    let delivery = Group::<News>::new("news")?
        .send(&**layer, announced)
        .await?;
    Ok(delivery.queued)
}

#[tokio::main]
async fn main() -> Result {
    let sockets =
        ProtocolTypeRouter::new().websocket(URLRouter::new().path("ws/news/", News::app()));
    // What `channels::serve` would do: a wrong setting ends the program here, not at the first socket.
    sockets.check()?;
    sockets.startup().await?;

    let program = Router::new()
        .route("/announce", post(announce))
        .route_service("/ws/{*rest}", sockets.clone())
        .with_state(AppState {
            announcements: Arc::default(),
            sockets: sockets.clone(),
        });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, program)
        .with_graceful_shutdown(async move {
            told_to_stop().await;
            sockets.shutdown().await;
        })
        .await?;
    Ok(())
}

/// Ctrl-C, or the SIGTERM by which service managers end a program.
async fn told_to_stop() {
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
