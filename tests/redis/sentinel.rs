//! A failover by Sentinel.

use std::sync::Arc;

use channels::{ChannelLayer, RedisChannelLayer, RedisPubSubChannelLayer};

use crate::inbox::{Inbox, send_to_group};
use crate::sentinels::Sentinels;
use crate::until;

#[tokio::test]
async fn the_pubsub_layer_fails_over() {
    fails_over(|sentinels| {
        let url = format!("redis+sentinel+pubsub://{sentinels}/main?timeout=2");
        Arc::new(RedisPubSubChannelLayer::open(&url).expect("a URL"))
    })
    .await;
}

#[tokio::test]
async fn the_core_layer_fails_over() {
    fails_over(|sentinels| {
        let url = format!("redis+sentinel://{sentinels}/main?timeout=2");
        Arc::new(RedisChannelLayer::open(&url).expect("a URL"))
    })
    .await;
}

async fn fails_over(open: impl Fn(&str) -> Arc<dyn ChannelLayer>) {
    let mut sentinels = Sentinels::start().await;
    let addresses = sentinels.addresses();
    let (one, two) = (open(&addresses), open(&addresses));
    let mut inbox = Inbox::open(&*one, &["g"]).await;
    send_to_group(&*two, "g", "before").await.expect("sent");
    inbox.hears(&["before"]).await;

    sentinels.servers[0].stop().await;
    assert_eq!(inbox.said_or_gap().await, None, "there is a gap");
    until("it is sent", async || {
        send_to_group(&*two, "g", "after").await.is_ok()
    })
    .await;
    inbox.hears(&["after"]).await;
    let role = sentinels.servers[1].cli(&["ROLE"]).await;
    assert!(role.starts_with("master"), "{role}");
}
