//! Capacity, expiry, and what is found in the keys.

use channels::{ChannelLayer, ChannelName, ErrorKind, Event, RedisChannelLayer};
use serde_json::json;

use super::{CORE, core};
use crate::inbox::{Inbox, message, name, say, send_to_group};
use crate::peer::Peer;
use crate::redis::Redis;
use crate::{until, within};

#[tokio::test]
async fn a_full_queue_says_so_and_gives_the_event_back() {
    let redis = Redis::start().await;
    let layer = RedisChannelLayer::builder()
        .url(&format!("redis://{}", redis.address()))
        .expect("a URL")
        .capacity(3)
        .channel_capacity("small*", 1)
        .build()
        .expect("a layer");
    for (channel, capacity) in [("tasks", 3), ("small.ones", 1)] {
        let channel = ChannelName::new(channel).expect("a name");
        for _ in 0..capacity {
            within("a send", layer.send(&channel, say("x")))
                .await
                .expect("room");
        }
        let full = within("a send", layer.send(&channel, say("too much"))).await;
        let full = full.expect_err("no room");
        assert_eq!(full.kind(), ErrorKind::ChannelFull);
        let event: Event = full.into_unsent().expect("the event");
        assert_eq!(event.to_json().expect("JSON")["text"], "too much");
    }
    let ttl: i64 = redis
        .cli(&["TTL", "asgitasks"])
        .await
        .trim()
        .parse()
        .expect("seconds");
    assert!((50..=60).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn what_is_too_old_does_not_count() {
    let redis = Redis::start().await;
    let url = format!("redis://{}?capacity=2&expiry=1", redis.address());
    let layer = RedisChannelLayer::open(&url).expect("a URL");
    let tasks = ChannelName::new("tasks").expect("a name");
    for _ in 0..2 {
        within("a send", layer.send(&tasks, say("old")))
            .await
            .expect("room");
    }
    until("there is room again", async || {
        layer.send(&tasks, say("new")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn garbage_is_counted_and_the_layer_goes_on() {
    let redis = Redis::start().await;
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let (queue, _) = inbox.name().as_str().split_once('!').expect("two parts");
    let queue = format!("asgi{queue}!");
    for garbage in [
        "x",
        "",
        "\u{fffd}garbage that is longer than the prefix",
        "123456789012\u{80}",
    ] {
        redis.cli(&["ZADD", &queue, "1", garbage]).await;
    }
    until("all are counted", async || layer.undecodable_count() == 4).await;
    send_to_group(&layer, "g", "still here")
        .await
        .expect("sent");
    inbox.hears(&["still here"]).await;

    // A member that is no channel's, and a group that is no set.
    redis
        .cli(&["ZADD", "asgi:group:g", "99999999999", "no channel at all"])
        .await;
    send_to_group(&layer, "g", "again").await.expect("sent");
    inbox.hears(&["again"]).await;
    redis.cli(&["SET", "asgi:group:text", "x"]).await;
    let error = send_to_group(&layer, "text", "x")
        .await
        .expect_err("no set");
    assert_eq!(error.kind(), ErrorKind::Layer);
    error.into_unsent::<Event>().expect("it comes back");
}

#[tokio::test]
async fn another_key_is_counted() {
    let redis = Redis::start().await;
    let url = format!("redis://{}", redis.address());
    let with = |key: &str| {
        let builder = RedisChannelLayer::builder().url(&url).expect("a URL");
        builder.encryption_keys([key]).build().expect("a layer")
    };
    let (one, two) = (with("one"), with("two"));
    let inbox = Inbox::open(&two, &["g"]).await;
    send_to_group(&one, "g", "secret").await.expect("sent");
    until("it is counted", async || two.undecodable_count() == 1).await;
    drop(inbox);
}

/// The members of a process that has died are taken out; those of a Django site are not, though
/// nobody knows whether it lives.
#[tokio::test]
async fn the_dead_are_forgotten_and_a_django_site_is_not() {
    let redis = Redis::start().await;
    let mut django = Peer::start(
        CORE,
        &json!({ "hosts": [format!("redis://{}", redis.address())] }),
    )
    .await;
    django.join("g").await;
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    // One of ours, of which no sign of life is left.
    let dead = format!(
        "specific.{}c{}!0000000000000001",
        "0".repeat(12),
        "0".repeat(19)
    );
    redis
        .cli(&["ZADD", "asgi:group:g", "99999999999", &dead])
        .await;
    let sent = within("a send", layer.group_send(name("g"), say("one"), None)).await;
    assert_eq!(sent.expect("sent").matched, 2);
    inbox.hears(&["one"]).await;
    django.hears(&["one"]).await;
    let members = redis.cli(&["ZRANGE", "asgi:group:g", "0", "-1"]).await;
    assert_eq!(members.lines().count(), 2, "{members}");
    assert!(
        !redis.cli(&["KEYS", "*"]).await.contains("000000000c"),
        "nothing waits for it"
    );
    django.group_send("g", message("two")).await;
    inbox.hears(&["two"]).await;
}

#[tokio::test]
async fn clocks_may_be_an_hour_apart() {
    let redis = Redis::start().await;
    let options = json!({ "hosts": [format!("redis://{}", redis.address())] });
    let mut early = Peer::start_at(-3600, CORE, &options).await;
    let mut late = Peer::start_at(3600, CORE, &options).await;
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    early.join("g").await;
    late.join("g").await;
    send_to_group(&layer, "g", "here").await.expect("sent");
    inbox.hears(&["here"]).await;
    early.hears(&["here"]).await;
    late.hears(&["here"]).await;
    early.group_send("g", message("early")).await;
    inbox.hears(&["early"]).await;
    late.group_send("g", message("late")).await;
    inbox.hears(&["late"]).await;
}

/// Fernet's tokens have a date.
#[tokio::test]
async fn what_was_encrypted_in_an_hour_is_counted() {
    let redis = Redis::start().await;
    let host = format!("redis://{}", redis.address());
    let options = json!({ "hosts": [host], "symmetric_encryption_keys": ["key"] });
    let mut late = Peer::start_at(3600, CORE, &options).await;
    let layer = core(&format!("{}?encryption_key=key", redis.address()));
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    late.group_send("g", message("late")).await;
    until("it is counted", async || layer.undecodable_count() == 1).await;
    send_to_group(&layer, "g", "here").await.expect("sent");
    inbox.hears(&["here"]).await;
}

/// Those of docs/from-django.md.
#[tokio::test]
async fn the_rights_that_the_guide_names_are_enough() {
    let redis = Redis::start().await;
    let of_channels_redis = "auth hello select zadd zrem zrange zremrangebyscore zcount expire del \
                             eval bzpopmin";
    let ours = "client|caching client|tracking publish subscribe time info exists get set zcard \
                hmget hset hdel zpopmin";
    let rights = of_channels_redis.split_whitespace();
    let rights = rights.chain(ours.split_whitespace());
    let rights: Vec<_> = rights.map(|right| format!("+{right}")).collect();
    let mut rule = vec!["ACL", "SETUSER", "site", "on", ">pass", "~*"];
    rule.extend(["resetchannels", "&asgi*", "-@all"]);
    rule.extend(rights.iter().map(String::as_str));
    assert_eq!(redis.cli(&rule).await.trim(), "OK");
    let layer = core(&format!("site:pass@{}", redis.address()));
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    for text in ["one", "two"] {
        send_to_group(&layer, "g", text).await.expect("sent");
        assert_eq!(inbox.said().await, text);
    }
    inbox.leave(&layer, "g").await.expect("it leaves");
    let tasks = ChannelName::new("tasks").expect("a name");
    for _ in 0..2 {
        within("a send", layer.send(&tasks, say("job")))
            .await
            .expect("sent");
        within("a job", layer.receive(&tasks))
            .await
            .expect("it is open");
    }
    within("the end", layer.close()).await.expect("it closes");
    assert_eq!(redis.cli(&["ACL", "LOG"]).await.trim(), "", "denied");
}

#[tokio::test]
async fn rights_that_are_missing_are_told() {
    let redis = Redis::start().await;
    let rule = ["ACL", "SETUSER", "site", "on", ">pass", "~*", "&*", "+@all"];
    let layer = core(&format!("site:pass@{}", redis.address()));
    let without = async |right: &str| {
        let mut rule = rule.to_vec();
        rule.push(right);
        assert_eq!(redis.cli(&rule).await.trim(), "OK");
    };
    for right in ["-client|tracking", "-subscribe", "resetchannels"] {
        without(right).await;
        let receiver = std::sync::Arc::new(super::losses::Nobody);
        let opened = within("a channel", layer.new_channel(receiver)).await;
        let error = opened.expect_err("it could not be read");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("ACL"), "{error}");
    }
    without("-info").await; // It goes without that one.
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    without("-eval").await;
    let error = send_to_group(&layer, "g", "x").await.expect_err("no right");
    assert_eq!(error.kind(), ErrorKind::Config);
    error.into_unsent::<Event>().expect("it comes back");
    without("+@all").await;
    send_to_group(&layer, "g", "x").await.expect("sent");
    inbox.hears(&["x"]).await;
}

#[tokio::test]
async fn flush_forgets_everything_under_the_prefix() {
    let redis = Redis::start().await;
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.cli(&["SET", "other", "x"]).await;
    layer.flush().await.expect("flushed");
    send_to_group(&layer, "g", "nobody").await.expect("sent");
    inbox.join(&layer, "g").await.expect("joined");
    send_to_group(&layer, "g", "again").await.expect("sent");
    inbox.hears(&["again"]).await;
    assert_eq!(redis.cli(&["GET", "other"]).await.trim(), "x");
}

#[test]
fn bad_settings_are_refused() {
    for (url, says) in [
        ("redis://localhost?capacity=0", "at least 1"),
        ("redis://localhost?capacity=-1", "a number"),
        ("redis://localhost?expiry=0", "whole seconds"),
        ("redis://localhost?expiry=1.5", "whole seconds"),
        ("redis://localhost?group_expiry=x", "whole seconds"),
        ("redis://localhost?prefx=x", "known: prefix"),
        ("redis://localhost?format=pickle", "`msgpack` or `json`"),
        ("redis+cluster://localhost", "redis+pubsub+cluster"),
        ("redis://:secret@localhost:port", "port"),
    ] {
        let error = RedisChannelLayer::open(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        assert!(error.to_string().contains(says), "{url}: {error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
