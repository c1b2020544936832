//! Two servers and two processes of a Django site: each one sends to each one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use channels::{ChannelLayer, ErrorKind, RedisChannelLayer};
use serde_json::json;

use super::{CORE, core};
use crate::inbox::{Inbox, message, name, say, send_to_group};
use crate::peer::Peer;
use crate::redis::Redis;
use crate::{until, within};

#[tokio::test]
async fn in_every_direction_with_msgpack() {
    every_direction(1, false, &[]).await;
    every_direction(3, false, &[]).await;
}

#[tokio::test]
async fn in_every_direction_encrypted() {
    every_direction(1, false, &["new", "old"]).await;
    every_direction(3, true, &["new"]).await;
}

#[tokio::test]
async fn in_every_direction_with_json() {
    every_direction(1, true, &[]).await;
}

async fn every_direction(hosts: usize, json: bool, keys: &[&str]) {
    let mut servers = Vec::new();
    for _ in 0..hosts {
        servers.push(Redis::start().await);
    }
    let addresses: Vec<_> = servers.iter().map(Redis::address).collect();
    let open = || {
        let url = format!("redis://{}?prefix=site", addresses.join(","));
        let builder = RedisChannelLayer::builder().url(&url).expect("a URL");
        let builder = builder.encryption_keys(keys);
        let builder = if json { builder.json() } else { builder };
        builder.build().expect("a layer")
    };
    let hosts: Vec<_> = addresses.iter().map(|it| format!("redis://{it}")).collect();
    let mut options = json!({ "hosts": hosts, "prefix": "site" });
    options["serializer_format"] = if json { "json" } else { "msgpack" }.into();
    if !keys.is_empty() {
        options["symmetric_encryption_keys"] = json!(keys);
    }
    let mut django = Peer::start(CORE, &options).await;
    let mut worker = Peer::start(CORE, &options).await;
    let (one, two) = (open(), open());

    for group in ["a", "room-7", "x.y_z"] {
        let mut first = Inbox::open(&one, &[group]).await;
        let mut second = Inbox::open(&two, &[group]).await;
        let mut beside = Inbox::open(&two, &[group]).await;
        django.join(group).await;
        worker.join(group).await;
        send_to_group(&one, group, "one").await.expect("sent");
        send_to_group(&two, group, "two").await.expect("sent");
        django.group_send(group, message("django")).await;
        worker.group_send(group, message("worker")).await;
        let all = ["django", "one", "two", "worker"];
        for inbox in [&mut first, &mut second, &mut beside] {
            inbox.hears(&all).await;
        }
        django.hears(&all).await;
        worker.hears(&all).await;

        let direct = async |layer: &RedisChannelLayer, channel, text| {
            let sent = within("a send", layer.send(channel, say(text))).await;
            sent.expect("sent");
        };
        direct(&one, second.name(), "hi two").await;
        direct(&one, first.name(), "hi me").await;
        direct(&two, django.channel(), "hi django").await;
        direct(&one, worker.channel(), "hi worker").await;
        // With several hosts it goes to another one than its group's: all are read.
        django.send(beside.name(), message("hi beside")).await;
        worker.send(first.name(), message("hi first")).await;
        second.hears(&["hi two"]).await;
        first.hears(&["hi first", "hi me"]).await;
        worker.hears(&["hi worker"]).await;
        beside.hears(&["hi beside"]).await;
        django.hears(&["hi django"]).await;

        for (layer, text) in [(&two, "near"), (&one, "far")] {
            let sent = layer.group_send(name(group), say(text), Some(second.name()));
            let sent = within("a send", sent).await.expect("sent");
            assert_eq!((sent.matched, sent.dropped), (4, 0));
        }
        first.hears(&["far", "near"]).await;
        beside.hears(&["far", "near"]).await;
        django.hears(&["far", "near"]).await;
        worker.hears(&["far", "near"]).await;
        assert!(second.is_empty());

        first.leave(&one, group).await.expect("left");
        send_to_group(&two, group, "without one")
            .await
            .expect("sent");
        for inbox in [&mut second, &mut beside] {
            inbox.hears(&["without one"]).await;
        }
        django.hears(&["without one"]).await;
        worker.hears(&["without one"]).await;
        assert!(first.is_empty());
    }
    one.close().await.expect("closed");
    two.close().await.expect("closed");
    let error = one
        .send(django.channel(), say("late"))
        .await
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Layer);
}

#[tokio::test]
async fn all_values_come_through() {
    let redis = Redis::start().await;
    let (one, two) = (core(&redis.address()), core(&redis.address()));
    let mut far = Inbox::open(&two, &["g"]).await;
    let payload = json!({
        "type": "a.b", "text": "\u{e9}\u{1f600}\0", "list": [1, -1, 1.5, null, true],
        "map": {"deep": {"deeper": []}}, "large": u64::MAX, "long": "x".repeat(200_000),
    });
    let event = channels::Event::from_json(payload.clone()).expect("an event");
    within("a send", one.group_send(name("g"), event, None))
        .await
        .expect("sent");
    assert_eq!(far.next().await.to_json().expect("JSON"), payload);
}

#[tokio::test]
async fn order_is_kept_and_nothing_comes_twice() {
    const EVENTS: usize = 2000;
    let redis = Redis::start().await;
    let url = format!("redis://{}?capacity=100000", redis.address());
    let open = || RedisChannelLayer::open(&url).expect("a URL");
    let (one, two) = (open(), open());
    let mut near = Inbox::open(&one, &["g"]).await;
    let mut far = Inbox::open(&two, &["g"]).await;
    for number in 0..EVENTS {
        send_to_group(&one, "g", &number.to_string())
            .await
            .expect("sent");
    }
    for inbox in [&mut near, &mut far] {
        for number in 0..EVENTS {
            assert_eq!(inbox.said().await, number.to_string());
        }
        assert!(inbox.is_empty());
    }
}

#[tokio::test]
async fn what_is_left_leaves_nothing() {
    let redis = Redis::start().await;
    let layers = [
        core(&redis.address()),
        core(&redis.address()),
        core(&redis.address()),
    ];
    let mut inboxes = Vec::new();
    for round in 0..500 {
        for layer in &layers {
            let group = format!("g{round}");
            let inbox = Inbox::open(layer, &[&group]).await;
            if round % 2 == 0 {
                inbox.leave(layer, &group).await.expect("left");
            }
            inboxes.push(inbox);
        }
    }
    let keys = async || redis.cli(&["KEYS", "*"]).await;
    assert!(keys().await.contains(":group:g1\n"));
    drop(inboxes);
    // Those that were dropped are taken out behind the scenes.
    until("no group is left", async || {
        !keys().await.contains(":group:")
    })
    .await;
    for layer in &layers {
        assert_eq!((layer.group_count(), layer.channel_count()), (0, 0));
        layer.close().await.expect("closed");
    }
    assert_eq!(keys().await.trim(), "");
}

#[tokio::test]
async fn whoever_makes_a_member_it_hears() {
    let redis = Redis::start().await;
    let (one, two) = (core(&redis.address()), core(&redis.address()));
    let mut by_itself = Inbox::open(&two, &["g"]).await;
    let mut by_another = Inbox::open(&two, &[]).await;
    by_another.join(&one, "g").await.expect("joined");
    let mut left_out = Inbox::open(&two, &["g"]).await;
    let mut stranger = Inbox::open(&two, &["h"]).await;
    for from in [&one, &two] {
        let sent = from.group_send(name("g"), say("x"), Some(left_out.name()));
        assert_eq!(within("a send", sent).await.expect("sent").matched, 2);
        by_itself.hears(&["x"]).await;
        by_another.hears(&["x"]).await;
    }
    by_another.leave(&one, "g").await.expect("left");
    by_itself.leave(&one, "g").await.expect("left");
    send_to_group(&one, "g", "y").await.expect("sent");
    left_out.hears(&["y"]).await;
    assert!(by_itself.is_empty() && by_another.is_empty() && stranger.is_empty());
}

/// An event for a group does not name its members, and the process knows them better than the sender.
#[tokio::test]
async fn members_that_come_and_go_hear_what_is_theirs() {
    let redis = Redis::start().await;
    // The sender waits for nobody.
    let open = || core(&format!("{}?capacity=100000", redis.address()));
    let (one, two) = (open(), open());
    let mut stays = Inbox::open(&two, &["g"]).await;
    let mut stranger = Inbox::open(&two, &["h"]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let sender = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                send_to_group(&one, "g", &sent.to_string())
                    .await
                    .expect("sent");
                sent += 1;
            }
            sent
        }
    });
    for _ in 0..50 {
        let mut comes = Inbox::open(&two, &["g"]).await;
        let mut last: usize = comes.said().await.parse().expect("a number");
        comes.leave(&two, "g").await.expect("left");
        while let Some(event) = comes.try_next() {
            let event = event.to_json().expect("JSON");
            let text = event["text"].as_str().expect("a text");
            last += 1;
            assert_eq!(text, last.to_string(), "one is missing or came twice");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let sent = within("the sends", sender).await.expect("no panic");
    for number in 0..sent {
        assert_eq!(stays.said().await, number.to_string());
    }
    assert!(stays.is_empty() && stranger.is_empty());
}
