//! Many groups, joined and left in random order: nothing stays behind, in Redis or in memory.
//!
//! `CHANNELS_CROWD_SECONDS` is how long each run takes: a few seconds unless it is said.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use channels::{ChannelLayer, RedisChannelLayer, RedisPubSubChannelLayer};
use fastrand::Rng;
use futures_util::future::join_all;

use super::layer;
use crate::core::core;
use crate::inbox::{Inbox, name, send_to_group};
use crate::redis::Redis;
use crate::{until, within};

const GROUPS: usize = 10_000;
const MEMBERS_EACH: usize = 3;
const CHANNELS: usize = 15;

/// How many join or leave at the same time.
const BATCH: usize = 500;

#[tokio::test]
async fn the_pubsub_layer() {
    let redis = Redis::start().await;
    let layers = [layer(&redis.address()), layer(&redis.address())];
    let groups = || {
        layers
            .iter()
            .map(RedisPubSubChannelLayer::group_count)
            .sum()
    };
    crowd(layers.each_ref().map(|it| it as &dyn ChannelLayer), groups).await;
    let counts = |it: &RedisPubSubChannelLayer| (it.channel_count(), it.group_count());
    // A channel with many groups leaves them step by step, so that other tasks run.
    until("the layers are empty", async || {
        layers.each_ref().map(counts) == [(0, 0); 2]
    })
    .await;
    until("nothing is left", async || {
        redis.cli(&["PUBSUB", "CHANNELS"]).await.trim().is_empty()
    })
    .await;
    assert_eq!(redis.cli(&["DBSIZE"]).await.trim(), "0");
}

#[tokio::test]
async fn the_core_layer() {
    let redis = Redis::start().await;
    let layers = [core(&redis.address()), core(&redis.address())];
    let groups = || layers.iter().map(RedisChannelLayer::group_count).sum();
    crowd(layers.each_ref().map(|it| it as &dyn ChannelLayer), groups).await;
    for layer in &layers {
        assert_eq!((layer.channel_count(), layer.group_count()), (0, 0));
    }
    until("nothing is left but the signs of life", async || {
        redis.cli(&["DBSIZE"]).await.trim() == "2"
    })
    .await;
    for layer in layers {
        within("a close", layer.close()).await.expect("closed");
    }
    assert_eq!(redis.cli(&["DBSIZE"]).await.trim(), "0");
}

/// Fills all groups, then members come and go, then all are dropped.
async fn crowd(layers: [&dyn ChannelLayer; 2], groups: impl Fn() -> usize) {
    let seconds = std::env::var("CHANNELS_CROWD_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let mut random = Rng::with_seed(1);
    let mut inboxes = Vec::new();
    for at in 0..CHANNELS {
        inboxes.push((layers[at % 2], Inbox::open(layers[at % 2], &[]).await));
    }
    let mut members: HashSet<(usize, usize)> = HashSet::new();
    let fill = (0..GROUPS).flat_map(|group| {
        (0..MEMBERS_EACH).map(move |member| ((group + member) % CHANNELS, group))
    });
    let fill: Vec<_> = fill.collect();
    for batch in fill.chunks(BATCH) {
        change(&inboxes, &mut members, batch).await;
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let batch: HashSet<_> = (0..BATCH)
            .map(|_| (random.usize(..CHANNELS), random.usize(..GROUPS)))
            .collect();
        change(
            &inboxes,
            &mut members,
            &batch.into_iter().collect::<Vec<_>>(),
        )
        .await;
    }
    assert!(groups() > GROUPS, "at both servers together");
    // Who should be there is there.
    for _ in 0..20 {
        let group = random.usize(..GROUPS);
        let text = group.to_string();
        send_to_group(layers[0], &group_name(group), &text)
            .await
            .expect("sent");
        for (at, (_, inbox)) in inboxes.iter_mut().enumerate() {
            if members.contains(&(at, group)) {
                inbox.hears(&[&text]).await;
            }
        }
    }
    for (_, inbox) in &mut inboxes {
        assert!(inbox.is_empty(), "a stranger hears something");
    }
    drop(inboxes);
}

fn group_name(group: usize) -> String {
    format!("group-{group}")
}

/// Who is a member leaves, who is none joins: all at the same time.
async fn change(
    inboxes: &[(&dyn ChannelLayer, Inbox)],
    members: &mut HashSet<(usize, usize)>,
    batch: &[(usize, usize)],
) {
    let changes = batch.iter().map(|&(at, group)| {
        let joins = !members.remove(&(at, group));
        if joins {
            members.insert((at, group));
        }
        let (layer, inbox) = &inboxes[at];
        async move {
            let group = group_name(group);
            if joins {
                layer.group_add(name(&group), inbox.name()).await
            } else {
                layer.group_discard(name(&group), inbox.name()).await
            }
        }
    });
    let changes = changes.collect::<Vec<_>>();
    for changed in within("joins and leaves", join_all(changes)).await {
        changed.expect("Redis is there");
    }
}
