//! A channel's name reaches a channel under the layer's own prefix, and no other key or topic.

use channels::{ChannelLayer, ChannelName, ErrorKind, RedisChannelLayer, RedisPubSubChannelLayer};

use crate::inbox::{Inbox, name, say, send_to_group};
use crate::redis::Redis;
use crate::within;

fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).expect(name)
}

#[tokio::test]
async fn over_pubsub() {
    let redis = Redis::start().await;
    let open = |prefix: &str| {
        let url = format!("redis+pubsub://{}?prefix={prefix}", redis.address());
        RedisPubSubChannelLayer::open(&url).expect("a URL")
    };
    let (ours, theirs, longer) = (open("asgi"), open("secret"), open("asgi2"));
    let mut members = Vec::new();
    for layer in [&ours, &theirs, &longer] {
        members.push(Inbox::open(layer, &["room"]).await);
    }
    let foreign = [members[1].name().clone(), members[2].name().clone()];
    let crafted = [
        "asgi__group__room",
        "secret__group__room",
        "asgi2__group__room",
        "room",
    ];
    for name in crafted.map(channel).into_iter().chain(foreign) {
        let sent = within("a send", ours.send(&name, say("crafted"))).await;
        let error = sent.expect_err(name.as_str());
        assert_eq!(error.kind(), ErrorKind::Name, "{name}");
        let event: channels::Event = error.into_unsent().expect("the event");
        assert_eq!(event.to_json().expect("JSON")["text"], "crafted");
    }
    assert_eq!(redis.calls("publish").await, 0);
    // Its own channels are reached, from another process as well.
    let another = open("asgi");
    for layer in [&ours, &another] {
        let sent = within("a send", layer.send(members[0].name(), say("hi"))).await;
        sent.expect("sent");
        members[0].hears(&["hi"]).await;
    }
    for (layer, inbox) in [&ours, &theirs, &longer].into_iter().zip(&mut members) {
        send_to_group(layer, "room", "last").await.expect("sent");
        inbox.hears(&["last"]).await;
    }
}

#[tokio::test]
async fn over_the_core_layer() {
    let redis = Redis::start().await;
    let open = |prefix: &str| {
        let url = format!("redis://{}?prefix={prefix}", redis.address());
        RedisChannelLayer::open(&url).expect("a URL")
    };
    let (ours, theirs) = (open("asgi"), open("asgi_shop"));
    let mut inbox = Inbox::open(&theirs, &["room"]).await;
    let crafted = channel(&format!("_shop{}", inbox.name()));
    let sent = within("a send", ours.send(&crafted, say("crafted"))).await;
    assert_eq!(sent.expect_err("refused").kind(), ErrorKind::Name);
    let joined = within("a join", ours.group_add(name("g"), &crafted)).await;
    assert_eq!(joined.expect_err("refused").kind(), ErrorKind::Name);

    // Neither by way of a group that somebody else has written.
    let members = [crafted.as_str(), ":group:room", "_shop:group:room"];
    for member in members {
        redis
            .cli(&["ZADD", "asgi:group:g", "99999999999", member])
            .await;
    }
    send_to_group(&ours, "g", "crafted").await.expect("sent");
    send_to_group(&theirs, "room", "last").await.expect("sent");
    inbox.hears(&["last"]).await;
    assert!(inbox.is_empty());
    let members = redis.cli(&["ZCARD", "asgi_shop:group:room"]).await;
    assert_eq!(members.trim(), "1");
    ours.close().await.expect("it closes");
    theirs.close().await.expect("it closes");
}
