//! The group chat of the Channels tutorial: every page receives every message.
//!
//! ```text
//! cargo run -p lobby
//! ```

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use channels::prelude::*;

/// A message of a page, sent to every page.
#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    message: String,
}

/// One open page. Every connection joins the group `f1`.
#[consumer(groups("f1"))]
#[derive(Default)]
struct Lobby;

#[consumer]
impl Lobby {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("f1", CallBack { message: text }).await
    }

    #[handler("call.back")]
    async fn call_back(&mut self, socket: &mut WebSocket, event: CallBack) -> Result {
        socket.send(event.message).await
    }
}

/// The page and its scripts, compiled into the program.
fn pages() -> Router {
    let script =
        |text: &'static str| get(async move || ([(header::CONTENT_TYPE, "text/javascript")], text));
    Router::new()
        .route("/", get(async || Html(include_str!("static/lobby.html"))))
        .route("/lobby.js", script(include_str!("static/lobby.js")))
        .route(
            "/connection.js",
            script(include_str!("../../shared/connection.js")),
        )
}

fn app() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .http(pages())
        .websocket(URLRouter::new().path("chat/", Lobby::app()))
}

#[tokio::main]
async fn main() -> Result {
    tracing_subscriber::fmt::init();
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8000".into());
    let server = Server::bind(address).await?;
    eprintln!("The lobby is at http://{}/", server.local_addr()?);
    server.serve(app()).await
}

#[cfg(test)]
mod tests {
    use channels::testing::WebsocketCommunicator;

    use super::*;

    #[tokio::test]
    async fn every_page_receives_every_message() {
        let app = app();
        let mut ana = WebsocketCommunicator::new(&app, "/chat/");
        let mut ben = WebsocketCommunicator::new(&app, "/chat/");
        ana.connect().await.expect("Ana connects");
        ben.connect().await.expect("Ben connects");

        ana.send("Hello").await.expect("the message is sent");

        for page in [&mut ana, &mut ben] {
            let text: String = page.receive().await.expect("a message");
            assert_eq!(text, "Hello");
        }
    }
}
