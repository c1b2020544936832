//! A failover by Sentinel, and a cluster.

use channels::{ChannelLayer, RedisPubSubChannelLayer};

use crate::inbox::{Inbox, say, send_to_group};
use crate::process::free_port;
use crate::redis::Redis;
use crate::{until, within};

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

#[tokio::test]
async fn a_cluster_loses_a_node() {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        // Unless it is told, the port of the bus is ten thousand higher, and may not exist.
        let bus = format!("cluster-port {}", free_port());
        let lines = [
            &*bus,
            "cluster-enabled yes",
            "cluster-node-timeout 2000",
            "cluster-require-full-coverage no",
        ];
        nodes.push(Redis::start_with(&lines).await);
    }
    let addresses: Vec<_> = nodes.iter().map(Redis::address).collect();
    let mut create = vec!["--cluster", "create"];
    create.extend(addresses.iter().map(String::as_str));
    create.extend(["--cluster-yes"]);
    let said = nodes[0].cli(&create).await;
    assert!(said.contains("[OK] All 16384 slots covered"), "{said}");
    for node in &nodes {
        until("the nodes know each other", async || {
            node.cli(&["CLUSTER", "INFO"])
                .await
                .contains("cluster_state:ok")
        })
        .await;
    }
    let open = |addresses: &[String]| {
        let url = format!("redis+pubsub+cluster://{}?timeout=2", addresses.join(","));
        RedisPubSubChannelLayer::open(&url).expect("a URL")
    };
    // One begins at the first node, the other at the last.
    let reversed: Vec<_> = addresses.iter().rev().cloned().collect();
    let (one, two) = (open(&addresses), open(&reversed));
    let mut near = Inbox::open(&one, &["g"]).await;
    let mut far = Inbox::open(&two, &["g"]).await;
    send_to_group(&one, "g", "one").await.expect("sent");
    send_to_group(&two, "g", "two").await.expect("sent");
    within("a send", two.send(near.name(), say("direct")))
        .await
        .expect("sent");
    near.hears(&["direct", "one", "two"]).await;
    far.hears(&["one", "two"]).await;

    nodes[0].stop().await;
    assert_eq!(near.next().await.event_type().as_str(), "layer.gap");
    until("it is sent", async || {
        send_to_group(&one, "g", "after").await.is_ok()
    })
    .await;
    near.hears(&["after"]).await;
    far.hears(&["after"]).await;
}
