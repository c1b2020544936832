//! A consumer that has moved from a Django site to this server. Both use the same Redis, sessions and
//! users; the site does not change. `examples/django-site/run` starts both.
//!
//! The views of the site, its remaining consumers and this consumer all send to the group `news`. The
//! settings come from the environment: `CHANNEL_LAYERS`, `DATABASE_URL`, `SECRET_KEY`, `ALLOWED_HOSTS`, and
//! `ADDRESS`, the address to listen on.

use std::process::ExitCode;

use channels::prelude::*;
use channels::{AuthMiddlewareStack, Site};

const ADDRESS: &str = "127.0.0.1:8001";

/// One open page.
#[consumer(groups("news"))]
#[derive(Default)]
struct News {
    by: String,
}

/// A message from a page.
#[derive(Deserialize)]
struct Say {
    text: String,
}

/// `{"type": "news.item", "by": …, "text": …}` for the site; pages receive it without the type.
#[derive(Event, Serialize, Deserialize)]
#[event("news.item")]
struct Item {
    by: String,
    text: String,
}

#[consumer]
impl News {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let user = socket.user().await?;
        let name = Some(user.username()).filter(|_| user.is_authenticated());
        self.by = format!("{} on Rust", name.unwrap_or("somebody"));
        socket.accept().await
    }

    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Say>) -> Result {
        let item = Item {
            by: self.by.clone(),
            text: said.text,
        };
        socket.group_send("news", item).await
    }

    #[handler("news.item", relay)]
    async fn item(&mut self, socket: &mut WebSocket, item: Item) -> Result {
        socket.send_json(&item).await
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result {
    let sockets = URLRouter::new().path("ws/news/", News::app());
    let app = ProtocolTypeRouter::new()
        .site(Site::from_env()?)
        .channel_layers(ChannelLayers::from_env()?)
        .websocket(AuthMiddlewareStack::new(sockets));
    let address = std::env::var("ADDRESS").unwrap_or_else(|_| ADDRESS.into());
    Server::bind(&*address).await?.serve(app).await
}
