//! Consumers in an existing axum program, which keeps its server, its state and its shutdown.
//!
//! ```text
//! cargo run -p axum-mount
//! ```
//!
//! Then open a browser's console on an empty page:
//!
//! ```js
//! socket = new WebSocket("ws://127.0.0.1:8000/ws/news/");
//! socket.onmessage = ({ data }) => console.log(data);
//! ```
//!
//! and post an announcement, which every open socket receives:
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

/// An announcement for every listener.
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

/// The state of the program, and the consumers. Their channel layer reaches the sockets: the in-memory
/// layer, or the one that `CHANNEL_LAYERS` configures.
#[derive(Clone)]
struct AppState {
    announcements: Arc<AtomicU64>,
    sockets: ProtocolTypeRouter,
}

async fn announce(State(state): State<AppState>, text: String) -> Result<String, String> {
    let number = state.announcements.fetch_add(1, Ordering::Relaxed) + 1;
    let queued = send(&state.sockets, Announced { number, text })
        .await
        .map_err(|error| error.to_string())?;
    Ok(format!(
        "announcement {number} sent to {queued} listeners\n"
    ))
}

/// Returns the number of listeners that the layer knows: those of this process.
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
    // As in `channels::serve`: an invalid setting ends the program here, not at the first socket.
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
            stop_signal().await;
            sockets.shutdown().await;
        })
        .await?;
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM, the signal of service managers.
async fn stop_signal() {
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
