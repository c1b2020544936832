//! Two servers and two processes of a Django site: each one sends to each one.

use channels::{ChannelLayer, ErrorKind, Event, RedisPubSubChannelLayer};
use serde_json::json;

use crate::inbox::{Inbox, message, name, say, send_to_group};
use crate::peer::{PUBSUB, Peer};
use crate::redis::Redis;
use crate::{layer, until, within};

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
        let url = format!("redis+pubsub://{}?prefix=site", addresses.join(","));
        let builder = RedisPubSubChannelLayer::builder().url(&url).expect("a URL");
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
    let mut django = Peer::start(PUBSUB, &options).await;
    let mut worker = Peer::start(PUBSUB, &options).await;
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

        within("a send", one.send(second.name(), say("hi two")))
            .await
            .expect("sent");
        within("a send", one.send(first.name(), say("hi me")))
            .await
            .expect("sent");
        within("a send", two.send(django.channel(), say("hi django")))
            .await
            .expect("sent");
        within("a send", one.send(worker.channel(), say("hi worker")))
            .await
            .expect("sent");
        django.send(beside.name(), message("hi beside")).await;
        worker.send(first.name(), message("hi first")).await;
        second.hears(&["hi two"]).await;
        first.hears(&["hi first", "hi me"]).await;
        worker.hears(&["hi worker"]).await;
        beside.hears(&["hi beside"]).await;
        django.hears(&["hi django"]).await;

        // The one that is left out may be anywhere.
        for (layer, text) in [(&two, "near"), (&one, "far")] {
            let sent = layer.group_send(name(group), say(text), Some(second.name()));
            within("a send", sent).await.expect("sent");
            first.hears(&[text]).await;
            beside.hears(&[text]).await;
        }
        for site in [&mut django, &mut worker] {
            site.hears(&["far", "near"]).await;
        }
        assert!(second.is_empty() && first.is_empty() && beside.is_empty());
        second.leave(&two, group).await.expect("left");
    }
    assert_eq!(one.undecodable_count() + two.undecodable_count(), 0);
}

#[tokio::test]
async fn one_sender_is_heard_in_order_and_once() {
    let redis = Redis::start().await;
    let (one, two) = (layer(&redis.address()), layer(&redis.address()));
    let mut near = Inbox::open(&one, &["g"]).await;
    let mut far = Inbox::open(&two, &["g"]).await;
    let senders = (0..4).map(|sender| {
        let (one, far) = (one.clone(), far.name().clone());
        tokio::spawn(async move {
            for number in 0..500 {
                let text = format!("{sender} {number}");
                if number % 5 == 4 {
                    let sent = one.send(&far, say(&text)).await;
                    sent.expect("sent");
                } else {
                    send_to_group(&one, "g", &text).await.expect("sent");
                }
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        within("a sender", sender).await.expect("no panic");
    }
    for (inbox, expected) in [(&mut near, 400), (&mut far, 500)] {
        let mut heard = vec![Vec::new(); 4];
        for _ in 0..4 * expected {
            let said = inbox.said().await;
            let (sender, number) = said.split_once(' ').expect("two numbers");
            let number: u32 = number.parse().expect("a number");
            heard[sender.parse::<usize>().expect("a number")].push(number);
        }
        for numbers in heard {
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        }
        assert!(inbox.is_empty());
    }
}

#[tokio::test]
async fn what_is_no_event_is_counted_and_dropped() {
    let redis = Redis::start().await;
    let url = format!("redis+pubsub://{}?max_message=1000", redis.address());
    let layer = RedisPubSubChannelLayer::open(&url).expect("a URL");
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let large = "x".repeat(2000);
    for garbage in ["", "garbage", "{\"type\": \"a\"}", "\u{80}", &large] {
        redis.cli(&["PUBLISH", "asgi__group__g", garbage]).await;
        redis
            .cli(&["PUBLISH", inbox.name().as_str(), garbage])
            .await;
    }
    send_to_group(&layer, "g", "still there")
        .await
        .expect("sent");
    assert_eq!(inbox.said().await, "still there");
    assert_eq!(layer.undecodable_count(), 10);

    let error = send_to_group(&layer, "g", &large)
        .await
        .expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.to_string().contains("at most 1000"), "{error}");
    let event: Event = error.into_unsent().expect("it comes back");
    assert_eq!(event.event_type().as_str(), "chat.message");
    let reserved = json!({ "type": "a", "__asgi_except__": "b" });
    let reserved = Event::from_json(reserved).expect("an event");
    let sent = within("a send", layer.send(inbox.name(), reserved)).await;
    assert_eq!(
        sent.expect_err("a reserved field").kind(),
        ErrorKind::Encode
    );

    // Another key is garbage as well.
    let url = format!("{url}&encryption_key=other");
    let other = RedisPubSubChannelLayer::open(&url).expect("a URL");
    send_to_group(&other, "g", "secret").await.expect("sent");
    until("it is counted", async || layer.undecodable_count() == 11).await;
    assert!(inbox.is_empty());
}

#[tokio::test]
async fn what_is_over_is_gone() {
    let redis = Redis::start().await;
    let layer = layer(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    within("a flush", layer.flush()).await.expect("flushed");
    until("it is unsubscribed", async || {
        redis.cli(&["PUBSUB", "CHANNELS"]).await.trim().is_empty()
    })
    .await;
    send_to_group(&layer, "g", "nobody").await.expect("sent");
    inbox.join(&layer, "g").await.expect("joined");
    send_to_group(&layer, "g", "again").await.expect("sent");
    inbox.hears(&["again"]).await;

    within("a close", layer.close()).await.expect("closed");
    for result in [
        send_to_group(&layer, "g", "late").await,
        inbox.join(&layer, "g").await,
        within("a send", layer.send(inbox.name(), say("late"))).await,
    ] {
        assert_eq!(result.expect_err("closed").kind(), ErrorKind::Layer);
    }
    until("its connections are closed", async || {
        let clients = redis.cli(&["CLIENT", "LIST"]).await;
        clients.lines().count() == 1
    })
    .await;
}
