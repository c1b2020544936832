//! What a layer costs Redis, counted.

use std::collections::HashSet;

use channels::ChannelLayer;

use crate::inbox::{Inbox, send_to_group};
use crate::redis::Redis;
use crate::{layer, until, within};

#[tokio::test]
async fn a_send_is_one_command_and_a_further_join_is_none() {
    let redis = Redis::start().await;
    let (one, two) = (layer(&redis.address()), layer(&redis.address()));
    let mut members = Vec::new();
    for layer in [&one, &two] {
        for _ in 0..50 {
            members.push(Inbox::open(layer, &["g"]).await);
        }
    }
    assert_eq!(redis.calls("subscribe").await, 2, "once a process");
    assert_eq!(redis.calls("psubscribe").await, 2, "once a process");
    for number in 0..10 {
        send_to_group(&one, "g", &number.to_string())
            .await
            .expect("sent");
    }
    for member in &mut members {
        for number in 0..10 {
            assert_eq!(member.said().await, number.to_string());
        }
    }
    assert_eq!(redis.calls("publish").await, 10, "once a send");

    let last = members.split_off(99);
    members.truncate(50);
    assert_eq!(redis.calls("unsubscribe").await, 0, "a member is left");
    drop(last);
    until("it is unsubscribed", async || {
        redis.calls("unsubscribe").await == 1
    })
    .await;
    let subscribed = redis.cli(&["PUBSUB", "NUMSUB", "asgi__group__g"]).await;
    assert_eq!(subscribed.split_whitespace().last(), Some("1"));
}

#[tokio::test]
async fn ten_thousand_groups_leave_nothing() {
    let redis = Redis::start().await;
    let layer = layer(&redis.address());
    let mut members = Vec::new();
    for _ in 0..30 {
        members.push(Inbox::open(&layer, &[]).await);
    }
    // Who is where, by numbers that look random and are the same in each run.
    let mut random = 1_u64;
    let mut joined: HashSet<(usize, u64)> = HashSet::new();
    for round in 0..3 {
        let mut joins = Vec::new();
        for group in 0..10_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let member = usize::try_from(random >> 33).expect("31 bits") % members.len();
            if joined.remove(&(member, group)) {
                let group = format!("group-{group}");
                let left = members[member].leave(&layer, &group).await;
                left.expect("left");
            } else {
                joined.insert((member, group));
                let (layer, channel) = (layer.clone(), members[member].name().clone());
                joins.push(tokio::spawn(async move {
                    let group = format!("group-{group}");
                    layer.group_add(crate::inbox::name(&group), &channel).await
                }));
            }
        }
        for join in joins {
            within("a join", join)
                .await
                .expect("no panic")
                .expect("joined");
        }
        let probe = joined.iter().next().expect("somebody is somewhere");
        let (member, group) = (probe.0, format!("group-{}", probe.1));
        send_to_group(&layer, &group, "there").await.expect("sent");
        members[member].hears(&["there"]).await;
        for member in &mut members {
            while !member.is_empty() {}
        }
        assert!(layer.group_count() > 5000, "in round {round}");
    }
    drop(members);
    assert_eq!((layer.channel_count(), layer.group_count()), (0, 0));
    until("nothing is left", async || {
        redis.cli(&["PUBSUB", "CHANNELS"]).await.trim().is_empty()
    })
    .await;
    assert_eq!(redis.cli(&["DBSIZE"]).await.trim(), "0");
}
