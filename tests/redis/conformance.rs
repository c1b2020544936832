//! The cases that every channel layer is put through, over Redis.

use std::sync::Arc;

use channels::testing::check_channel_layer;
use channels::{RedisChannelLayer, RedisPubSubChannelLayer};

use crate::nodes::Nodes;
use crate::redis::Redis;
use crate::within;

const OPTIONS: [&str; 3] = ["", "?format=json", "?encryption_key=new&encryption_key=old"];

#[tokio::test]
async fn the_core_layer() {
    for hosts in [1, 3] {
        for options in OPTIONS {
            let servers = start(hosts).await;
            let url = format!("redis://{}{options}", addresses(&servers));
            let open = async || RedisChannelLayer::open(&url).map(Arc::new);
            let checked = within("all cases", check_channel_layer(open)).await;
            assert!(checked.expect("it passes"), "it has queues for workers");
        }
    }
}

#[tokio::test]
async fn the_pubsub_layer() {
    for hosts in [1, 3] {
        for options in OPTIONS {
            let servers = start(hosts).await;
            let url = format!("redis+pubsub://{}{options}", addresses(&servers));
            let open = async || RedisPubSubChannelLayer::open(&url).map(Arc::new);
            let checked = within("all cases", check_channel_layer(open)).await;
            assert!(!checked.expect("it passes"), "it has no queues");
        }
    }
}

#[tokio::test]
async fn the_pubsub_layer_in_a_cluster() {
    let nodes = Nodes::start(0).await;
    let url = format!("redis+pubsub+cluster://{}", nodes.addresses());
    for options in ["?sharded=true", "?sharded=true&format=json", "?"] {
        let url = format!("{url}{options}&prefix={}", options.len());
        let open = async || RedisPubSubChannelLayer::open(&url).map(Arc::new);
        let checked = within("all cases", check_channel_layer(open)).await;
        assert!(!checked.expect("it passes"), "it has no queues");
    }
}

async fn start(hosts: usize) -> Vec<Redis> {
    let mut servers = Vec::new();
    for _ in 0..hosts {
        servers.push(Redis::start().await);
    }
    servers
}

fn addresses(servers: &[Redis]) -> String {
    let addresses: Vec<_> = servers.iter().map(Redis::address).collect();
    addresses.join(",")
}
