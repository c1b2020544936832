//! What a layer costs Redis, counted.

use crate::inbox::{Inbox, send_to_group};
use crate::redis::Redis;
use crate::{layer, until};

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
