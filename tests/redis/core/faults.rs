//! Redis in trouble: nothing dies, memberships come back, and who may have missed something is told.

use channels::{ChannelLayer, ErrorKind, Event, RedisChannelLayer};

use crate::inbox::{Inbox, say, send_to_group};
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::{until, within};

fn impatient(address: &str) -> RedisChannelLayer {
    let url = format!("redis://{address}?timeout=1");
    RedisChannelLayer::open(&url).expect("a URL")
}

#[tokio::test]
async fn redis_is_killed_and_started_again_without_its_data() {
    let mut redis = Redis::start().await;
    let (one, two) = (impatient(&redis.address()), impatient(&redis.address()));
    let mut near = Inbox::open(&one, &["g"]).await;
    let mut far = Inbox::open(&two, &["g"]).await;
    send_to_group(&one, "g", "before").await.expect("sent");
    near.hears(&["before"]).await;
    far.hears(&["before"]).await;

    redis.stop().await;
    let error = send_to_group(&one, "g", "lost")
        .await
        .expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.into_unsent::<Event>().expect("it comes back");
    redis.start_again().await;

    for inbox in [&mut near, &mut far] {
        let event = inbox.next().await;
        assert_eq!(event.event_type().as_str(), "layer.gap");
    }
    send_to_group(&two, "g", "behind").await.expect("sent");
    near.hears(&["behind"]).await;
    far.hears(&["behind"]).await;
    assert!(near.is_empty() && far.is_empty(), "one gap is told once");
}

/// As a replica that takes over may have.
#[tokio::test]
async fn redis_comes_back_with_older_data() {
    let mut redis = Redis::start().await;
    let proxy = Proxy::start(redis.address()).await;
    let (one, two) = (impatient(&redis.address()), impatient(&proxy.address()));
    let mut far = Inbox::open(&two, &["g", "left"]).await;
    let stays = Inbox::open(&one, &["left"]).await;
    proxy.swallow(true);
    send_to_group(&one, "g", "once").await.expect("sent");
    assert_eq!(redis.cli(&["SAVE"]).await.trim(), "OK");
    proxy.swallow(false);
    far.hears(&["once"]).await;
    until("it leaves", async || far.leave(&two, "left").await.is_ok()).await;
    far.join(&two, "new").await.expect("joined");
    let (queue, _) = far.name().as_str().split_once('!').expect("two parts");
    let queue = format!("asgi{queue}!");
    until("it is taken out", async || {
        redis.cli(&["EXISTS", &queue]).await.trim() == "0"
    })
    .await;

    redis.stop().await;
    proxy.swallow(true);
    redis.start_again().await;
    assert_eq!(redis.cli(&["EXISTS", &queue]).await.trim(), "1");
    proxy.swallow(false);
    assert_eq!(far.said_or_gap().await, None, "it is told");
    until("it is taken out", async || {
        redis.cli(&["ZCARD", "asgi:group:left"]).await.trim() == "1"
    })
    .await;
    until("it is entered again", async || {
        redis.cli(&["ZCARD", "asgi:group:new"]).await.trim() == "1"
    })
    .await;
    send_to_group(&one, "g", "again").await.expect("sent");
    far.hears(&["again"]).await;
    drop(stays);
}

#[tokio::test]
async fn connections_that_are_killed_are_made_again() {
    let redis = Redis::start().await;
    let (one, two) = (impatient(&redis.address()), impatient(&redis.address()));
    let mut far = Inbox::open(&two, &["g"]).await;
    for round in 0..5 {
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        let text = round.to_string();
        until("it is sent", async || {
            send_to_group(&one, "g", &text).await.is_ok()
        })
        .await;
        // What the server had taken for the connection that was killed is gone.
        redis.cli(&["SCRIPT", "FLUSH"]).await;
    }
    until("it is heard again", async || {
        send_to_group(&one, "g", "end").await.expect("sent");
        far.said().await == "end"
    })
    .await;
}

#[tokio::test]
async fn a_redis_without_memory_is_an_error_and_not_the_end() {
    let redis = Redis::start().await;
    let layer = impatient(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = send_to_group(&layer, "g", "lost")
        .await
        .expect_err("no memory");
    assert_eq!(error.kind(), ErrorKind::Layer, "{error}");
    let event: Event = error.into_unsent().expect("it comes back");
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]).await;
    within("a send", layer.send(inbox.name(), event))
        .await
        .expect("sent");
    inbox.hears(&["lost"]).await;
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_not_the_end() {
    let redis = Redis::start().await;
    let layer = impatient(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.fill_disk().await;
    let error = send_to_group(&layer, "g", "lost")
        .await
        .expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::Layer, "{error}");
    assert!(error.to_string().contains("MISCONF"), "{error}");
    let event: Event = error.into_unsent().expect("it comes back");
    redis.free_disk().await;
    within("a send", layer.send(inbox.name(), event))
        .await
        .expect("sent");
    inbox.hears(&["lost"]).await;
}

#[tokio::test]
async fn a_redis_that_sleeps_is_waited_for_no_longer_than_it_may_take() {
    let redis = Redis::start().await;
    let layer = impatient(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.signal("STOP");
    let error = send_to_group(&layer, "g", "late")
        .await
        .expect_err("it sleeps");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    redis.signal("CONT");
    until("it is sent", async || {
        send_to_group(&layer, "g", "now").await.is_ok()
    })
    .await;
    // What was sent to the sleeper may have arrived.
    until("it comes", async || inbox.said().await == "now").await;
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let redis = Redis::start_with(&["requirepass secret"]).await;
    let layer = impatient(&redis.address());
    let tasks = channels::ChannelName::new("tasks").expect("a name");
    let error = within("a send", layer.send(&tasks, say("x"))).await;
    let error = error.expect_err("no password");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let good = impatient(&format!(":secret@{}", redis.address()));
    within("a send", good.send(&tasks, say("x")))
        .await
        .expect("sent");
}
