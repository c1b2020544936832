//! A failover by Sentinel.

use channels::RedisPubSubChannelLayer;

use crate::inbox::{Inbox, send_to_group};
use crate::redis::Redis;
use crate::until;

#[tokio::test]
async fn sentinel_fails_over() {
    let mut master = Redis::start().await;
    let replica = Redis::start_with(&[&format!("replicaof 127.0.0.1 {}", master.port)]).await;
    until("the replica has caught up", async || {
        let state = replica.cli(&["INFO", "replication"]).await;
        state.contains("master_link_status:up")
    })
    .await;
    let monitor = format!("sentinel monitor main 127.0.0.1 {} 2", master.port);
    let lines = [
        &*monitor,
        "sentinel down-after-milliseconds main 1000",
        "sentinel failover-timeout main 5000",
    ];
    let sentinels = [
        Redis::start_sentinel(&lines).await,
        Redis::start_sentinel(&lines).await,
        Redis::start_sentinel(&lines).await,
    ];
    for sentinel in &sentinels {
        until("they know each other and the replica", async || {
            let state = sentinel.cli(&["SENTINEL", "MASTER", "main"]).await;
            let after = |name: &str| {
                let mut lines = state.lines().skip_while(|line| *line != name);
                lines.nth(1).unwrap_or_default().to_owned()
            };
            after("num-other-sentinels") == "2" && after("num-slaves") == "1"
        })
        .await;
    }
    let addresses = sentinels.each_ref().map(Redis::address).join(",");
    let url = format!("redis+sentinel+pubsub://{addresses}/main?timeout=2");
    let open = || RedisPubSubChannelLayer::open(&url).expect("a URL");
    let (one, two) = (open(), open());
    let mut inbox = Inbox::open(&one, &["g"]).await;
    send_to_group(&two, "g", "before").await.expect("sent");
    inbox.hears(&["before"]).await;

    master.stop().await;
    let gap = inbox.next().await;
    assert_eq!(gap.event_type().as_str(), "layer.gap");
    until("it is sent", async || {
        send_to_group(&two, "g", "after").await.is_ok()
    })
    .await;
    inbox.hears(&["after"]).await;
    assert!(replica.cli(&["ROLE"]).await.starts_with("master"));
}
