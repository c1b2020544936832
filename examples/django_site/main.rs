//! The consumer that a Django site has given away: it is served here, on the same Redis, the same
//! sessions and the same users, and the site notices nothing. Start both with `examples/django_site/run`.
//!
//! The site's views, and the consumers that it has kept, send to the group `news`; so does this one. What
//! it needs to know comes by the environment: `CHANNEL_LAYERS`, `DATABASE_URL`, `SECRET_KEY`,
//! `ALLOWED_HOSTS`, and in `ADDRESS` where to listen.

use std::process::ExitCode;

use channels::prelude::*;
use channels::{AuthMiddlewareStack, Site};

const ADDRESS: &str = "127.0.0.1:8001";

/// One page.
#[consumer(groups("news"))]
#[derive(Default)]
struct News {
    by: String,
}

/// What a page says.
#[derive(Deserialize)]
struct ToSay {
    text: String,
}

/// `{"type": "news.item", "by": …, "text": …}` for the site, and without its type for pages.
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

    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<ToSay>) -> Result {
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
