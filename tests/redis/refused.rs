//! Messages that are not events: they are counted, and logged with where they came from and why.

use channels::{ChannelLayer, RedisChannelLayer, RedisPubSubChannelLayer};
use serde_json::{Value, json};

use crate::core::CORE;
use crate::inbox::{Inbox, message, send_to_group};
use crate::logs::Logs;
use crate::peer::{PUBSUB, Peer};
use crate::redis::Redis;
use crate::{until, within};

const LINE: &str = "message from Redis dropped";

/// What a Django site may send without an error, and why it is not an event.
fn mistakes() -> [(Value, &'static str); 5] {
    [
        (json!({ "$pairs": [["type", "a.b"], [1, "x"]] }), "key"),
        (json!({ "text": "no type" }), "has a `type`"),
        (json!({ "type": 5 }), "`type` is a string"),
        (
            json!({ "type": "_private" }),
            "invalid event type `_private`",
        ),
        (json!({ "type": "websocket.close" }), "invalid event type"),
    ]
}

/// A layer, by its methods that are not those of the trait.
trait Layer: ChannelLayer {
    fn open(url: &str) -> Self;
    fn refused(&self) -> u64;
}

impl Layer for RedisChannelLayer {
    fn open(address: &str) -> Self {
        Self::open(&format!("redis://{address}")).expect("a URL")
    }

    fn refused(&self) -> u64 {
        self.undecodable_count()
    }
}

impl Layer for RedisPubSubChannelLayer {
    fn open(address: &str) -> Self {
        Self::open(&format!("redis+pubsub://{address}")).expect("a URL")
    }

    fn refused(&self) -> u64 {
        self.undecodable_count()
    }
}

#[tokio::test]
async fn mistakes_of_a_site_over_the_core_layer() {
    mistakes_of_a_site::<RedisChannelLayer>(CORE).await;
}

#[tokio::test]
async fn mistakes_of_a_site_over_pubsub() {
    mistakes_of_a_site::<RedisPubSubChannelLayer>(PUBSUB).await;
}

async fn mistakes_of_a_site<L: Layer>(class: &str) {
    let logs = Logs::collect();
    let redis = Redis::start().await;
    let options = json!({ "hosts": [format!("redis://{}", redis.address())] });
    let mut django = Peer::start(class, &options).await;
    let layer = L::open(&redis.address());
    let mut inbox = Inbox::open(&layer, &["room-7"]).await;
    let name = inbox.name().clone();
    let mut count = 0;
    for (mistake, reason) in mistakes() {
        django.group_send("room-7", mistake.clone()).await;
        django.send(&name, mistake.clone()).await;
        count += 2;
        until("they are counted", async || layer.refused() == count).await;
        let lines = logs.with("WARN", LINE);
        let lines = lines.iter().filter(|line| line.contains(reason));
        let lines: Vec<_> = lines.collect();
        assert!(!lines.is_empty(), "{mistake}: {}", logs.all());
    }
    let all = logs.with("WARN", LINE).join("\n");
    // Where an undecodable message of the core layer was for lies in the message.
    let named = if class == CORE {
        "specific."
    } else {
        "group=\"room-7\""
    };
    assert!(all.contains(named), "{all}");
    assert!(all.contains(name.as_str()), "{all}");

    // What comes after is delivered.
    django.group_send("room-7", message("good")).await;
    inbox.hears(&["good"]).await;
    assert!(inbox.is_empty());
    layer.close().await.expect("it closes");
}

#[tokio::test]
async fn another_key_over_both_layers() {
    for (scheme, class) in [("redis", CORE), ("redis+pubsub", PUBSUB)] {
        let logs = Logs::collect();
        let redis = Redis::start().await;
        let options = json!({
            "hosts": [format!("redis://{}", redis.address())],
            "symmetric_encryption_keys": ["theirs"],
        });
        let mut django = Peer::start(class, &options).await;
        let url = format!("{scheme}://{}?encryption_key=ours", redis.address());
        let layers = channels::ChannelLayers::from_urls(&url).expect("a URL");
        let layer = layers.get("default").expect("it is there");
        let inbox = Inbox::open(&**layer, &["g"]).await;
        django.group_send("g", message("secret text")).await;
        until("it is logged", async || {
            !logs.with("WARN", "was not decrypted").is_empty()
        })
        .await;
        assert!(!logs.all().contains("secret text"));
        drop(inbox);
        layer.close().await.expect("it closes");
    }
}

/// One line for each place and reason, however many there are.
#[tokio::test]
async fn a_flood_is_one_line() {
    let logs = Logs::collect();
    let redis = Redis::start().await;
    let layer = <RedisPubSubChannelLayer as Layer>::open(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let flood = "for number = 1, 5000 do redis.call('PUBLISH', KEYS[1], '\\255\\254') end";
    redis.cli(&["EVAL", flood, "1", "asgi__group__g"]).await;
    send_to_group(&layer, "g", "behind it").await.expect("sent");
    inbox.hears(&["behind it"]).await;
    assert_eq!(layer.undecodable_count(), 5000);
    let lines = logs.with("WARN", LINE);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("group=\"g\""), "{lines:?}");
    layer.close().await.expect("it closes");
}

/// A long name and a long reason make no long line.
#[tokio::test]
async fn a_line_has_a_bounded_length() {
    let logs = Logs::collect();
    let redis = Redis::start().await;
    let layer = <RedisPubSubChannelLayer as Layer>::open(&redis.address());
    let _inbox = Inbox::open(&layer, &["g"]).await;
    let long = "redis.call('PUBLISH', KEYS[1], '\\129\\164type\\219\\000\\001\\000\\000' .. string.rep('?', 65536))";
    redis.cli(&["EVAL", long, "1", "asgi__group__g"]).await;
    until("it is logged", async || !logs.with("WARN", LINE).is_empty()).await;
    let lines = logs.with("WARN", LINE);
    assert!(lines[0].len() < 1000, "{} bytes", lines[0].len());
    layer.close().await.expect("it closes");
}

/// A worker's channel, too.
#[tokio::test]
async fn a_job_that_is_no_event() {
    let logs = Logs::collect();
    let redis = Redis::start().await;
    let layer = <RedisChannelLayer as Layer>::open(&redis.address());
    let tasks = channels::ChannelName::new("tasks").expect("a name");
    let garbage = "redis.call('ZADD', KEYS[1], redis.call('TIME')[1] - 1, 'garbage')";
    redis.cli(&["EVAL", garbage, "1", "asgitasks"]).await;
    let options = json!({ "hosts": [format!("redis://{}", redis.address())] });
    let mut django = Peer::start(CORE, &options).await;
    django.send(&tasks, message("good")).await;
    let event = within("a job", layer.receive(&tasks)).await.expect("a job");
    assert_eq!(event.to_json().expect("JSON")["text"], "good");
    assert_eq!(layer.undecodable_count(), 1);
    let lines = logs.with("WARN", LINE);
    assert!(lines[0].contains("channel=\"tasks\""), "{lines:?}");
    layer.close().await.expect("it closes");
}

/// A Django process that has ended reads nothing.
const MEMBER: &str = "redis.call('ZADD', KEYS[1], redis.call('TIME')[1], 'specific.0123!django')";

#[tokio::test]
async fn what_has_no_room_is_logged() {
    let logs = Logs::collect();
    let redis = Redis::start().await;
    let url = format!("redis://{}?capacity=2", redis.address());
    let layer = RedisChannelLayer::open(&url).expect("a URL");
    redis.cli(&["EVAL", MEMBER, "1", "asgi:group:g"]).await;
    for _ in 0..5 {
        send_to_group(&layer, "g", "x").await.expect("sent");
    }
    let lines = logs.with("WARN", "the queue is full");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("group=\"g\""), "{lines:?}");
    layer.close().await.expect("it closes");
}

#[tokio::test]
async fn what_nobody_reads_in_time_is_logged() {
    let logs = Logs::collect();
    let redis = Redis::start().await;
    let url = format!("redis://{}?capacity=100000&expiry=2", redis.address());
    let layer = RedisChannelLayer::open(&url).expect("a URL");
    redis.cli(&["EVAL", MEMBER, "1", "asgi:group:g"]).await;
    until("they expire", async || {
        send_to_group(&layer, "g", "x").await.expect("sent");
        !logs.with("WARN", "events expired").is_empty()
    })
    .await;
    layer.close().await.expect("it closes");
}
