//! Consumers on two servers, whose layer is over Redis.

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;

use crate::redis::Redis;
use crate::within;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.message")]
struct Said {
    text: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("layer.gap")]
struct Gap {
    since: f64,
}

#[consumer(groups("room"))]
#[derive(Default)]
struct Member;

#[consumer]
impl Member {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        let sent = match text.strip_prefix("others: ") {
            Some(text) => socket.group_send_except_self("room", said(text)).await,
            None => socket.group_send("room", said(&text)).await,
        };
        match sent {
            Err(error) if error.kind() == ErrorKind::Unavailable => socket.send("not now").await,
            sent => sent,
        }
    }

    #[handler("chat.message")]
    async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
        socket.send(event.text.clone()).await
    }

    #[handler("layer.gap")]
    async fn gap(&mut self, socket: &mut WebSocket, event: &Gap) -> Result {
        assert!(event.since > 0.0);
        socket.send("a gap").await
    }
}

fn said(text: &str) -> Said {
    Said {
        text: text.to_owned(),
    }
}

/// A server, as far as a client can tell.
fn server(redis: &Redis) -> ProtocolTypeRouter {
    let url = format!("redis+pubsub://{}?timeout=1", redis.address());
    ProtocolTypeRouter::new()
        .channel_layers(ChannelLayers::from_urls(&url).expect("a URL"))
        .websocket(URLRouter::new().path("ws/", Member::app()))
}

async fn hears(client: &mut WebsocketCommunicator, expected: &str) {
    let heard = within("a message", client.receive::<String>()).await;
    assert_eq!(heard.expect("a message"), expected);
}

#[tokio::test]
async fn sockets_stay_while_redis_is_away() {
    let mut redis = Redis::start().await;
    let (one, two) = (server(&redis), server(&redis));
    let mut near = WebsocketCommunicator::new(&one, "/ws/");
    let mut far = WebsocketCommunicator::new(&two, "/ws/");
    near.connect().await.expect("accepted");
    far.connect().await.expect("accepted");
    near.send("hello").await.expect("sent");
    hears(&mut near, "hello").await;
    hears(&mut far, "hello").await;
    far.send("others: psst").await.expect("sent");
    hears(&mut near, "psst").await;

    redis.stop().await;
    far.send("lost").await.expect("sent");
    hears(&mut far, "not now").await;
    redis.start_again().await;
    hears(&mut near, "a gap").await;
    hears(&mut far, "a gap").await;
    far.send("again").await.expect("sent");
    hears(&mut near, "again").await;
    hears(&mut far, "again").await;
}

#[consumer(channel)]
#[derive(Default)]
struct Clerk;

#[consumer]
impl Clerk {
    #[handler("chat.message")]
    async fn said(&mut self, _said: Said) -> Result {
        Ok(())
    }
}

#[tokio::test]
async fn a_worker_whose_layer_has_no_queues_says_so() {
    let redis = Redis::start().await;
    let channels = ChannelNameRouter::new().channel("clerks", Clerk::app());
    let worker = Worker::new(server(&redis).channel(channels));
    let ended = within("the end", worker.run_until(std::future::pending())).await;
    let error = ended.expect_err("no queues");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("no queues"), "{error}");
}
