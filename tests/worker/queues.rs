//! The in-memory layer's queues.

use std::time::Duration;

use channels::prelude::*;
use serde_json::json;

use super::support::within;
use super::tasks;

fn number(number: u32) -> Event {
    Event::new("task.number", json!({ "number": number })).expect("an event")
}

async fn next(layer: &InMemoryChannelLayer) -> u64 {
    let event = within(layer.receive(&tasks())).await.expect("an event");
    event.to_json().expect("JSON")["number"]
        .as_u64()
        .expect("a number")
}

#[tokio::test]
async fn a_full_queue_gives_the_event_back() {
    let layer = InMemoryChannelLayer::with_queues(2, Duration::from_secs(60));
    for one in 0..2 {
        layer.send(&tasks(), number(one)).await.expect("room");
    }
    let full = layer.send(&tasks(), number(2)).await.expect_err("no room");
    assert_eq!(full.kind(), ErrorKind::ChannelFull);
    let event: Event = full.into_unsent().expect("the event");
    assert_eq!(event.to_json().expect("JSON")["number"], 2);
    let other = ChannelName::new("other").expect("a name");
    layer.send(&other, number(3)).await.expect("another queue");
    assert_eq!(next(&layer).await, 0);
    layer.send(&tasks(), event).await.expect("room again");
    assert_eq!((next(&layer).await, next(&layer).await), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_expires() {
    let layer = InMemoryChannelLayer::with_queues(2, Duration::from_secs(60));
    layer.send(&tasks(), number(0)).await.expect("room");
    tokio::time::advance(Duration::from_secs(59)).await;
    layer.send(&tasks(), number(1)).await.expect("room");
    tokio::time::advance(Duration::from_secs(1)).await;
    layer
        .send(&tasks(), number(2))
        .await
        .expect("the first has gone");
    assert_eq!(next(&layer).await, 1);
    for name in 0..100 {
        let name = ChannelName::new(&format!("unread.{name}")).expect("a name");
        layer.send(&name, number(0)).await.expect("room");
    }
    assert_eq!(layer.queue_count(), 101);
    tokio::time::advance(Duration::from_secs(120)).await;
    layer.send(&tasks(), number(3)).await.expect("room");
    assert_eq!(layer.queue_count(), 1, "nobody reads the others");
}

#[tokio::test]
async fn who_goes_away_takes_nothing_along() {
    let layer = InMemoryChannelLayer::new();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let layer = layer.clone();
        waiting.push(tokio::spawn(async move { next(&layer).await }));
    }
    tokio::task::yield_now().await;
    // The one that would be woken first.
    waiting.remove(0).abort();
    tokio::task::yield_now().await;
    for one in 0..2 {
        layer.send(&tasks(), number(one)).await.expect("room");
    }
    let mut got = Vec::new();
    for task in waiting {
        got.push(within(task).await.expect("no panic"));
    }
    got.sort_unstable();
    assert_eq!(got, [0, 1]);
    assert_eq!(layer.queue_count(), 0);
}

#[tokio::test]
async fn closing_wakes_who_waits() {
    let layer = InMemoryChannelLayer::new();
    let waiting = tokio::spawn({
        let layer = layer.clone();
        async move { layer.receive(&tasks()).await.map(|_| ()) }
    });
    tokio::task::yield_now().await;
    layer.close().await.expect("closed");
    let error = within(waiting)
        .await
        .expect("no panic")
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Layer);
    let error = layer.receive(&tasks()).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Layer);
}
