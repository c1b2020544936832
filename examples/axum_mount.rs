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

/// The state of the program, as it was before there were sockets; and the layer, which leads to them.
#[derive(Clone)]
struct AppState {
    announcements: Arc<AtomicU64>,
    layer: InMemoryChannelLayer,
}

async fn announce(State(state): State<AppState>, text: String) -> Result<String, String> {
    let number = state.announcements.fetch_add(1, Ordering::Relaxed) + 1;
    let news = Group::<News>::new("news").map_err(|error| error.to_string())?;
    let delivery = news.send(&state.layer, Announced { number, text }).await;
    let heard = delivery.map_err(|error| error.to_string())?.queued;
    Ok(format!("announcement {number} goes to {heard} listeners\n"))
}

#[tokio::main]
async fn main() -> Result {
    let layer = InMemoryChannelLayer::new();
    let sockets = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .websocket(URLRouter::new().path("ws/news/", News::app()));

    let program = Router::new()
        .route("/announce", post(announce))
        .route_service("/ws/{*rest}", sockets.clone())
        .with_state(AppState {
            announcements: Arc::default(),
            layer,
        });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, program)
        .with_graceful_shutdown(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                sockets.shutdown().await;
            }
        })
        .await?;
    Ok(())
}
