//! What the README says of sockets while Redis is away: with its own example, and real Redis servers.

use std::time::{Duration, Instant};

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;

use crate::redis::Redis;
use crate::within;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    message: String,
}

/// The README's: what fails ends the connection.
#[consumer(groups("f1"))]
#[derive(Default)]
struct ChatConsumer;

#[consumer]
impl ChatConsumer {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("f1", CallBack { message: text }).await
    }

    #[handler("call.back")]
    async fn call_back(&mut self, socket: &mut WebSocket, event: CallBack) -> Result {
        socket.send(event.message).await
    }
}

/// The README's other one: the client is told, and stays.
#[consumer(groups("f1"))]
#[derive(Default)]
struct Staying;

#[consumer]
impl Staying {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        match socket.group_send("f1", CallBack { message: text }).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => socket.send("not sent").await,
            sent => sent,
        }
    }

    #[handler("call.back")]
    async fn call_back(&mut self, socket: &mut WebSocket, event: CallBack) -> Result {
        socket.send(event.message).await
    }
}

fn app(url: &str) -> ProtocolTypeRouter {
    let sockets = URLRouter::new()
        .path("chat/", ChatConsumer::app())
        .path("staying/", Staying::app());
    ProtocolTypeRouter::new()
        .channel_layers(ChannelLayers::from_urls(url).expect("a URL"))
        .websocket(sockets)
}

async fn opened(app: &ProtocolTypeRouter, path: &str) -> WebsocketCommunicator {
    let mut client = WebsocketCommunicator::new(app, path);
    client.connect().await.expect("accepted");
    client
}

async fn hears(client: &mut WebsocketCommunicator, expected: &str) {
    let heard = within("a message", client.receive::<String>()).await;
    assert_eq!(heard.expect("a message"), expected);
}

async fn redis_goes_and_comes(scheme: &str) {
    let mut redis = Redis::start().await;
    let app = app(&format!("{scheme}://{}?timeout=1", redis.address()));
    let mut listener = opened(&app, "/chat/").await;
    let mut staying = opened(&app, "/staying/").await;
    let mut sender = opened(&app, "/chat/").await;
    redis.stop().await;

    let begun = Instant::now();
    sender.send("lost").await.expect("sent");
    staying.send("lost").await.expect("sent");
    hears(&mut staying, "not sent").await;
    let closed = within("the close", sender.closed()).await.expect("closed");
    assert_eq!(closed.expect("a frame").code, CloseCode::TRY_AGAIN_LATER);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    for path in ["/chat/", "/staying/"] {
        let refused = WebsocketCommunicator::new(&app, path).connect().await;
        let refused = refused.expect_err("Redis is away");
        assert_eq!(refused.status(), 503, "{scheme}{path}");
        assert_eq!(
            refused.response().headers()["retry-after"],
            "1",
            "{scheme}{path}"
        );
    }

    redis.start_again().await;
    let heard = async {
        // A membership comes back once the layer has noticed that Redis is there.
        loop {
            staying.send("again").await.expect("sent");
            let said = staying.receive::<String>().await;
            if said.is_ok_and(|said| said == "again") {
                break;
            }
        }
    };
    within("an answer", heard).await;
    hears(&mut listener, "again").await;
    assert_eq!(
        opened(&app, "/chat/")
            .await
            .close(CloseCode::NORMAL, "")
            .await
            .ok(),
        Some(())
    );
}

#[tokio::test]
async fn sockets_stay_over_pubsub_while_redis_is_away() {
    redis_goes_and_comes("redis+pubsub").await;
}

#[tokio::test]
async fn sockets_stay_over_the_core_layer_while_redis_is_away() {
    redis_goes_and_comes("redis").await;
}
