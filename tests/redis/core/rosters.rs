//! A group that is sent to is not read each time, and who has come or gone is seen all the same.

use channels::{ChannelLayer, RedisChannelLayer};
use futures_util::future::join_all;

use super::core;
use crate::inbox::{Inbox, name, say, send_to_group};
use crate::redis::Redis;
use crate::{until, within};

const GROUP: &str = "asgi:group:g";

/// How many members a send has reached, by the sender's knowledge.
async fn matched(layer: &RedisChannelLayer) -> usize {
    let sent = within("a send", layer.group_send(name("g"), say("x"), None)).await;
    sent.expect("Redis is there").matched
}

/// Somebody else puts one channel into the place of another.
async fn swap(redis: &Redis, gone: &Inbox, come: &Inbox) {
    let script = "redis.call('ZREM', KEYS[1], ARGV[1])
        return redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[2])";
    let names = [gone.name().as_str(), come.name().as_str()];
    let swap = ["EVAL", script, "1", GROUP, names[0], names[1]];
    assert_eq!(redis.cli(&swap).await.trim(), "1");
}

/// Makes channels of a Django site's process members: nobody here reads its queue.
async fn add(redis: &Redis, numbers: std::ops::Range<usize>) {
    let script = "for number = ARGV[1], ARGV[2] do
            redis.call('ZADD', KEYS[1], redis.call('TIME')[1], 'specific.0123!' .. number)
        end";
    let (first, last) = (numbers.start.to_string(), (numbers.end - 1).to_string());
    redis
        .cli(&["EVAL", script, "1", GROUP, &first, &last])
        .await;
}

#[tokio::test]
async fn a_group_is_read_once_while_nobody_comes_or_goes() {
    let redis = Redis::start().await;
    let layer = core(&format!("{}?capacity=1000", redis.address()));
    for (reads, count) in [(1, 2), (2, 32), (3, 33), (4, 500)] {
        add(&redis, 0..count).await;
        for _ in 0..20 {
            assert_eq!(matched(&layer).await, count);
        }
        assert_eq!(redis.calls("client|caching").await, reads);
    }
    redis.cli(&["FLUSHALL"]).await;
    assert_eq!(matched(&layer).await, 0);
    layer.close().await.expect("it closes");
}

#[tokio::test]
async fn a_send_to_few_known_members_is_one_command() {
    let redis = Redis::start().await;
    let layer = core(&format!("{}?capacity=1000", redis.address()));
    add(&redis, 0..32).await;
    assert_eq!(matched(&layer).await, 32);
    // A read of it begins with how many they are.
    let counted = redis.calls("zremrangebyscore").await;
    let pushed = redis.calls("eval").await;
    for _ in 0..20 {
        assert_eq!(matched(&layer).await, 32);
    }
    // The script, and that in it which it does to a queue.
    assert_eq!(redis.calls("eval").await, pushed + 20);
    assert_eq!(redis.calls("zremrangebyscore").await, counted + 20);
    layer.close().await.expect("it closes");
}

/// Nobody tells of that.
#[tokio::test]
async fn whose_time_is_over_is_no_member() {
    let redis = Redis::start().await;
    let layer = core(&format!("{}?group_expiry=5", redis.address()));
    add(&redis, 0..2).await;
    for _ in 0..2 {
        assert_eq!(matched(&layer).await, 2);
    }
    until("it is over", async || matched(&layer).await == 0).await;
    assert_eq!(redis.cli(&["EXISTS", GROUP]).await.trim(), "0");
    layer.close().await.expect("it closes");
}

#[tokio::test]
async fn whoever_comes_or_goes_is_seen_by_the_next_send() {
    let redis = Redis::start().await;
    let (one, two) = (core(&redis.address()), core(&redis.address()));
    let mut here = Inbox::open(&two, &["g"]).await;
    let mut there = Inbox::open(&two, &[]).await;
    for round in 0..100 {
        send_to_group(&one, "g", "before").await.expect("sent");
        assert_eq!(here.said().await, "before");
        swap(&redis, &here, &there).await;
        send_to_group(&one, "g", "after").await.expect("sent");
        assert_eq!(there.said().await, "after", "round {round}");
        std::mem::swap(&mut here, &mut there);
    }
    assert!(here.is_empty() && there.is_empty());
}

#[tokio::test]
async fn what_changes_while_the_connection_is_lost_is_seen() {
    let redis = Redis::start().await;
    let (one, two) = (core(&redis.address()), core(&redis.address()));
    let mut here = Inbox::open(&two, &["g"]).await;
    let mut there = Inbox::open(&two, &[]).await;
    for _ in 0..20 {
        send_to_group(&one, "g", "before").await.expect("sent");
        assert_eq!(here.said().await, "before");
        let killed = redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        assert_ne!(killed.trim(), "0");
        swap(&redis, &here, &there).await;
        // The first one may meet the lost connection.
        until("it is sent", async || {
            send_to_group(&one, "g", "after").await.is_ok()
        })
        .await;
        assert_eq!(there.said().await, "after");
        std::mem::swap(&mut here, &mut there);
    }
}

/// Redis tracks only so many keys, and says which ones it tracks no longer.
#[tokio::test]
async fn what_redis_no_longer_tracks_is_read_again() {
    const GROUPS: usize = 200;
    let redis = Redis::start_with(&["tracking-table-max-keys 50"]).await;
    let open = || core(&format!("{}?capacity=1000", redis.address()));
    let (one, two) = (open(), open());
    let mut here = Inbox::open(&two, &[]).await;
    let mut there = Inbox::open(&two, &[]).await;
    // Somebody else puts them into all groups.
    let change = async |command: &str, inbox: &Inbox| {
        let script = "for group = 1, ARGV[1] do
                redis.call(unpack(cjson.decode((ARGV[2]:gsub('GROUP', 'asgi:group:' .. group)))))
            end";
        let channel = inbox.name().as_str();
        let command = command.replace("CHANNEL", channel);
        let count = GROUPS.to_string();
        redis.cli(&["EVAL", script, "0", &count, &command]).await
    };
    let send_to_all = async || {
        let names: Vec<_> = (1..=GROUPS).map(|group| group.to_string()).collect();
        let sends = names.iter().map(|group| send_to_group(&one, group, "x"));
        for sent in within("the sends", join_all(sends)).await {
            sent.expect("sent");
        }
    };
    let now = redis.cli(&["TIME"]).await;
    let now = now.lines().next().expect("seconds");
    let join = format!(r#"["ZADD", "GROUP", "{now}", "CHANNEL"]"#);
    change(&join, &here).await;
    for _ in 0..2 {
        send_to_all().await;
        for _ in 0..GROUPS {
            here.said().await;
        }
    }
    change(r#"["ZREM", "GROUP", "CHANNEL"]"#, &here).await;
    change(&join, &there).await;
    send_to_all().await;
    for _ in 0..GROUPS {
        there.said().await;
    }
    assert!(here.is_empty());
}
