//! The pub/sub layer over a cluster: by its bus, and sharded.

use channels::{ChannelLayer, ErrorKind, RedisPubSubChannelLayer};

use crate::inbox::{Inbox, say, send_to_group};
use crate::nodes::Nodes;
use crate::redis::{FREE_PORT, Redis};
use crate::{until, within};

fn open(addresses: &str, options: &str) -> RedisPubSubChannelLayer {
    let url = format!("redis+pubsub+cluster://{addresses}?timeout=5{options}");
    RedisPubSubChannelLayer::open(&url).expect("a URL")
}

fn sharded(nodes: &Nodes) -> RedisPubSubChannelLayer {
    open(&nodes.addresses(), "&sharded=true")
}

fn topic(group: &str) -> String {
    format!("asgi__group__{group}")
}

/// A group of each of the masters, by its place.
async fn groups(nodes: &Nodes) -> Vec<(usize, String)> {
    let mut groups = Vec::new();
    for number in 0.. {
        let group = format!("g{number}");
        let at = nodes.master_of(&topic(&group)).await;
        if groups.iter().all(|(place, _)| *place != at) {
            groups.push((at, group));
        }
        if groups.len() == 3 {
            break;
        }
    }
    groups
}

#[tokio::test]
async fn a_cluster_loses_a_node() {
    let mut nodes = Nodes::start(0).await;
    // One begins at the first node, the other at the last.
    let reversed: Vec<_> = nodes.all.iter().rev().map(Redis::address).collect();
    let (one, two) = (open(&nodes.addresses(), ""), open(&reversed.join(","), ""));
    let mut near = Inbox::open(&one, &["g"]).await;
    let mut far = Inbox::open(&two, &["g"]).await;
    send_to_group(&one, "g", "one").await.expect("sent");
    send_to_group(&two, "g", "two").await.expect("sent");
    within("a send", two.send(near.name(), say("direct")))
        .await
        .expect("sent");
    near.hears(&["direct", "one", "two"]).await;
    far.hears(&["one", "two"]).await;

    nodes.all[0].stop().await;
    assert_eq!(near.next().await.event_type().as_str(), "layer.gap");
    until("it is sent", async || {
        send_to_group(&one, "g", "after").await.is_ok()
    })
    .await;
    near.hears(&["after"]).await;
    far.hears(&["after"]).await;
}

#[tokio::test]
async fn each_group_is_at_the_node_of_its_slot() {
    let nodes = Nodes::start(0).await;
    let (one, two) = (sharded(&nodes), sharded(&nodes));
    let groups = groups(&nodes).await;
    let names: Vec<_> = groups.iter().map(|(_, group)| group.as_str()).collect();
    let mut near = Inbox::open(&one, &names).await;
    let mut far = Inbox::open(&two, &names).await;
    let subscribed = nodes.calls("ssubscribe").await;
    // A further join is no command, nor is a further channel.
    let mut third = Inbox::open(&two, &names).await;
    assert_eq!(nodes.calls("ssubscribe").await, subscribed);
    for (at, group) in &groups {
        let before = nodes.all[*at].calls("spublish").await;
        send_to_group(&one, group, group).await.expect("sent");
        for inbox in [&mut near, &mut far, &mut third] {
            assert_eq!(inbox.said().await, *group);
        }
        assert_eq!(nodes.all[*at].calls("spublish").await, before + 1);
    }
    assert_eq!(nodes.calls("spublish").await, 3);
    for (from, to) in [(&one, &mut far), (&two, &mut near), (&two, &mut third)] {
        within("a send", from.send(to.name(), say("direct")))
            .await
            .expect("sent");
        to.hears(&["direct"]).await;
    }
    // Those of a process have one topic, but not each other's events.
    assert!(near.is_empty() && far.is_empty() && third.is_empty());
    for command in ["publish", "subscribe", "psubscribe"] {
        assert_eq!(nodes.calls(command).await, 0, "{command}");
    }

    drop((near, far, third));
    for (at, group) in &groups {
        until("nobody listens", async || {
            let topics = nodes.all[*at].cli(&["PUBSUB", "SHARDCHANNELS"]).await;
            !topics.contains(&topic(group))
        })
        .await;
    }
}

#[tokio::test]
async fn a_slot_goes_to_another_node() {
    let nodes = Nodes::start(0).await;
    let (one, two) = (sharded(&nodes), sharded(&nodes));
    let groups = groups(&nodes).await;
    let [(from, moved), (to, stays), ..] = &groups[..] else {
        panic!("three groups");
    };
    let mut concerned = Inbox::open(&one, &[moved]).await;
    let mut other = Inbox::open(&one, &[stays]).await;
    send_to_group(&two, moved, "before").await.expect("sent");
    concerned.hears(&["before"]).await;
    let there_and_back = [*to, *from, *to];
    for (round, place) in there_and_back.into_iter().enumerate() {
        nodes.move_topic(&topic(moved), place).await;
        assert_eq!(concerned.next().await.event_type().as_str(), "layer.gap");
        let text = format!("round {round}");
        send_to_group(&two, moved, &text).await.expect("sent");
        assert_eq!(concerned.said().await, text);
    }
    send_to_group(&two, stays, "calm").await.expect("sent");
    other.hears(&["calm"]).await;
    assert!(other.is_empty() && concerned.is_empty());
}

#[tokio::test]
async fn a_master_is_lost_and_its_replica_takes_over() {
    let mut nodes = Nodes::start(1).await;
    let (one, two) = (sharded(&nodes), sharded(&nodes));
    let groups = groups(&nodes).await;
    let mut members = Vec::new();
    for (_, group) in &groups {
        members.push(Inbox::open(&one, &[group]).await);
        send_to_group(&two, group, "before").await.expect("sent");
    }
    // The first one answers the questions of the test.
    let at = groups.iter().position(|(place, _)| *place != 0);
    let at = at.expect("there are others");
    let (lost, group) = &groups[at];
    nodes.all[*lost].stop().await;
    for (number, (_, group)) in groups.iter().enumerate() {
        members[number].hears(&["before"]).await;
        if number != at {
            send_to_group(&two, group, "meanwhile").await.expect("sent");
            while members[number].said_or_gap().await.as_deref() != Some("meanwhile") {}
        }
    }
    let mut sent = false;
    until("it is sent", async || {
        sent = sent || send_to_group(&two, group, "after").await.is_ok();
        sent
    })
    .await;
    assert_eq!(members[at].said_or_gap().await, None, "first the gap");
    // Who sends may know the new master before those who listen do.
    until("it is heard", async || {
        send_to_group(&two, group, "heard").await.expect("sent");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        members[at].try_next().is_some()
    })
    .await;
    assert_ne!(nodes.master_of(&topic(group)).await, *lost);
}

#[tokio::test]
async fn a_node_that_knows_nothing_is_passed_over() {
    let nodes = Nodes::start(0).await;
    let bus = format!("cluster-port {FREE_PORT}");
    let alone = Redis::start_with(&["cluster-enabled yes", &bus]).await;
    let addresses = format!("{},{}", alone.address(), nodes.addresses());
    let layers = [(); 4].map(|()| open(&addresses, "&sharded=true"));
    for layer in &layers {
        let mut inbox = Inbox::open(layer, &["g"]).await;
        send_to_group(layer, "g", "x").await.expect("sent");
        inbox.hears(&["x"]).await;
    }
}

#[tokio::test]
async fn sharded_is_a_cluster_alone() {
    let redis = Redis::start().await;
    let servers = format!("redis+pubsub://{}?sharded=true", redis.address());
    let error = RedisPubSubChannelLayer::open(&servers).expect_err("no cluster");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("for one cluster"), "{error}");
    let url = "redis+pubsub+cluster://a?sharded=yes";
    let error = RedisPubSubChannelLayer::open(url).expect_err("no boolean");
    assert!(error.to_string().contains("`true` or `false`"), "{error}");

    let layer = open(&redis.address(), "&sharded=true");
    let begun = std::time::Instant::now();
    let sent = send_to_group(&layer, "g", "x").await;
    let joined = within("a channel", layer.new_channel(std::sync::Arc::new(Deaf))).await;
    for error in [
        sent.expect_err("no cluster"),
        joined.expect_err("no cluster"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Layer, "{error}");
        assert!(
            error.to_string().contains("cluster support disabled"),
            "{error}"
        );
    }
    assert!(begun.elapsed().as_secs() < 5, "nobody waits for that");
}

struct Deaf;

impl channels::Receiver for Deaf {
    fn deliver(&self, _: &channels::Event) -> channels::Delivered {
        channels::Delivered::Closed
    }
}
