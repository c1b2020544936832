//! Redis in trouble: sockets stay, subscriptions come back, and who may have missed something is told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use channels::{ChannelLayer, ErrorKind, Event, RedisPubSubChannelLayer};

use crate::inbox::{Inbox, say, send_to_group};
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::{layer, until, within};

/// A layer that does not wait long.
fn impatient(address: &str) -> RedisPubSubChannelLayer {
    let url = format!("redis+pubsub://{address}?timeout=1");
    RedisPubSubChannelLayer::open(&url).expect("a URL")
}

fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs_f64()
}

/// The next event is a gap; since when.
async fn gap(inbox: &mut Inbox) -> f64 {
    let event = inbox.next().await;
    assert_eq!(event.event_type().as_str(), "layer.gap");
    event.to_json().expect("JSON")["since"]
        .as_f64()
        .expect("seconds")
}

#[tokio::test]
async fn redis_is_killed_and_started_again() {
    let mut redis = Redis::start().await;
    let (one, two) = (impatient(&redis.address()), impatient(&redis.address()));
    let mut near = Inbox::open(&one, &["g", "h"]).await;
    let mut far = Inbox::open(&two, &["g"]).await;
    let before = now();
    redis.stop().await;
    let error = send_to_group(&one, "g", "lost")
        .await
        .expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.into_unsent::<Event>().expect("it comes back");
    let error = far.join(&two, "new").await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(two.group_count(), 1, "a join that failed makes no member");

    redis.start_again().await;
    for inbox in [&mut near, &mut far] {
        let since = gap(inbox).await;
        assert!(since <= now() && since >= before - 2.0, "{since} {before}");
    }
    send_to_group(&one, "g", "g").await.expect("sent");
    send_to_group(&two, "h", "h").await.expect("sent");
    within("a send", two.send(near.name(), say("direct")))
        .await
        .expect("sent");
    near.hears(&["direct", "g", "h"]).await;
    far.hears(&["g"]).await;
    assert!(near.is_empty() && far.is_empty(), "one gap is told once");
}

#[tokio::test]
async fn a_send_waits_for_redis_to_come_back() {
    let mut redis = Redis::start().await;
    let layer = layer(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.stop().await;
    let sending = {
        let layer = layer.clone();
        tokio::spawn(async move { send_to_group(&layer, "g", "late").await })
    };
    redis.start_again().await;
    within("the send", sending)
        .await
        .expect("no panic")
        .expect("sent");
    gap(&mut inbox).await;
}

#[tokio::test]
async fn clients_are_killed() {
    let redis = Redis::start().await;
    let layer = layer(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    for round in 0..5 {
        redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        gap(&mut inbox).await;
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        let text = round.to_string();
        // The connection may be found lost by this send, or before it.
        while send_to_group(&layer, "g", &text).await.is_err() {}
        assert_eq!(inbox.said().await, text);
    }
    assert!(inbox.is_empty());
}

#[tokio::test]
async fn a_network_stops_answering_without_closing() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.address()).await;
    let (cut, other) = (impatient(&proxy.address()), layer(&redis.address()));
    let mut inbox = Inbox::open(&cut, &["g"]).await;
    send_to_group(&other, "g", "before").await.expect("sent");
    inbox.hears(&["before"]).await;
    let before = now();
    proxy.swallow(true);
    send_to_group(&other, "g", "missed").await.expect("sent");
    let error = send_to_group(&cut, "g", "nowhere")
        .await
        .expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    until("it is noticed", async || {
        inbox.join(&cut, "new").await.is_err()
    })
    .await;
    proxy.swallow(false);
    let since = gap(&mut inbox).await;
    assert!(
        since >= before - 2.0 && since <= before + 1.0,
        "{since} {before}"
    );
    send_to_group(&other, "g", "after").await.expect("sent");
    inbox.hears(&["after"]).await;
    until("it sends again", async || {
        send_to_group(&cut, "g", "mine").await.is_ok()
    })
    .await;
    inbox.hears(&["mine"]).await;
    assert!(inbox.is_empty());
}

#[test]
fn a_layer_outlives_a_runtime() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let (servers, first, second) = (runtime(), runtime(), runtime());
    let redis = servers.block_on(Redis::start());
    let layer = layer(&redis.address());
    for runtime in [first, second] {
        runtime.block_on(async {
            let mut inbox = Inbox::open(&layer, &["g"]).await;
            send_to_group(&layer, "g", "hello").await.expect("sent");
            inbox.hears(&["hello"]).await;
        });
    }
}

#[tokio::test]
async fn redis_sleeps_for_a_while() {
    let redis = Redis::start().await;
    let layer = layer(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let (slept, sent) = tokio::join!(redis.cli(&["DEBUG", "SLEEP", "1"]), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        send_to_group(&layer, "g", "patient").await
    });
    assert_eq!(slept.trim(), "OK");
    sent.expect("sent");
    inbox.hears(&["patient"]).await;
    assert!(inbox.is_empty());
}

#[tokio::test]
async fn redis_is_out_of_memory() {
    let redis = Redis::start().await;
    let layer = layer(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]).await;
    // Publishing takes no memory that stays, and Redis knows that.
    send_to_group(&layer, "g", "still").await.expect("sent");
    inbox.hears(&["still"]).await;
}

#[tokio::test]
async fn the_disk_is_full() {
    let redis = Redis::start().await;
    let layer = impatient(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    redis.fill_disk().await;
    // Then Redis refuses a PING, too.
    until("it is asked whether it lives", async || {
        let stats = redis.cli(&["INFO", "commandstats"]).await;
        let mut lines = stats.lines();
        let pings = lines.find(|line| line.starts_with("cmdstat_ping:"));
        pings.is_some_and(|line| !line.contains(",rejected_calls=0,"))
    })
    .await;
    send_to_group(&layer, "g", "still").await.expect("sent");
    inbox.hears(&["still"]).await;
    inbox.join(&layer, "h").await.expect("joined");
    assert!(inbox.is_empty(), "there is no gap");
}

#[tokio::test]
async fn one_of_three_hosts_is_lost() {
    let mut hosts = [
        Redis::start().await,
        Redis::start().await,
        Redis::start().await,
    ];
    let addresses = hosts.each_ref().map(Redis::address).join(",");
    let layer = impatient(&addresses);
    // Where each group is, as far as Redis tells.
    let groups: Vec<_> = (0..12).map(|number| format!("g{number}")).collect();
    let names: Vec<_> = groups.iter().map(String::as_str).collect();
    let mut inboxes = Vec::new();
    for group in &names {
        inboxes.push(Inbox::open(&layer, &[group]).await);
    }
    let there = hosts[1].cli(&["PUBSUB", "CHANNELS"]).await;
    let is_there = |group: &str| {
        let topic = format!("asgi__group__{group}");
        there.lines().any(|line| line == topic)
    };
    hosts[1].stop().await;
    for (group, inbox) in names.iter().zip(&mut inboxes) {
        let sent = send_to_group(&layer, group, "sent").await;
        assert_eq!(sent.is_ok(), !is_there(group), "{group}");
        if sent.is_ok() {
            inbox.hears(&["sent"]).await;
        }
    }
    hosts[1].start_again().await;
    for (group, inbox) in names.iter().zip(&mut inboxes) {
        if is_there(group) {
            gap(inbox).await;
        }
        send_to_group(&layer, group, "again").await.expect("sent");
        loop {
            // The channel's own name may be at the host that was lost.
            let event = inbox.next().await;
            if event.event_type().as_str() == "chat.message" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_refused_and_shows_no_password() {
    let redis = Redis::start_with(&["requirepass hunter2"]).await;
    let refused = async |login: &str| {
        let layer = impatient(&format!("{login}{}", redis.address()));
        let sent = send_to_group(&layer, "g", "never")
            .await
            .expect_err("refused");
        let joined = within("a channel", layer.new_channel(std::sync::Arc::new(Nobody))).await;
        let joined = joined.expect_err("refused");
        for error in [sent, joined] {
            assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
            assert!(
                !format!("{error:?} {layer:?}").contains("hunter"),
                "{error:?}"
            );
            assert!(
                error
                    .to_string()
                    .contains("refuses the user or the password"),
                "{error}"
            );
        }
    };
    refused("").await;
    refused(":hunter3@").await;
    refused("nobody:hunter2@").await;

    let right = impatient(&format!(":hunter2@{}", redis.address()));
    let mut inbox = Inbox::open(&right, &["g"]).await;
    let acl = [
        "ACL",
        "SETUSER",
        "small",
        "on",
        ">pw",
        "allchannels",
        "+@all",
        "-publish",
    ];
    redis.cli(&acl).await;
    let small = impatient(&format!("small:pw@{}", redis.address()));
    let error = send_to_group(&small, "g", "never")
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains("(ACL)"), "{error}");
    redis
        .cli(&["ACL", "SETUSER", "small", "+publish", "-psubscribe"])
        .await;
    let deaf = within("a channel", small.new_channel(std::sync::Arc::new(Nobody))).await;
    assert!(deaf.expect_err("refused").to_string().contains("(ACL)"));
    // And then it is allowed.
    redis.cli(&["ACL", "SETUSER", "small", "+psubscribe"]).await;
    until("it listens", async || {
        let channel = within("a channel", small.new_channel(std::sync::Arc::new(Nobody))).await;
        channel.is_ok()
    })
    .await;
    send_to_group(&small, "g", "allowed").await.expect("sent");
    inbox.hears(&["allowed"]).await;
}

struct Nobody;

impl channels::Receiver for Nobody {
    fn deliver(&self, _: &Event) -> channels::Delivered {
        channels::Delivered::Closed
    }
}
