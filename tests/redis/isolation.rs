//! User code that panics where the layers deliver: the next event comes as ever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use channels::prelude::*;
use channels::{ChannelLayer, Delivered, Event, GroupName, Receiver, RedisChannelLayer};
use serde_json::json;

use crate::inbox::Inbox;
use crate::redis::Redis;
use crate::{layer, within};

/// What a receiver decodes panics when it is dropped: with the event, by the task that reads.
#[derive(Event, Serialize, Deserialize)]
#[event("poison.event")]
struct Poison {
    number: u32,
}

impl Drop for Poison {
    fn drop(&mut self) {
        // Two at once would abort the process.
        assert!(
            std::thread::panicking(),
            "the event {} explodes",
            self.number
        );
    }
}

struct Decodes;

impl Receiver for Decodes {
    fn deliver(&self, event: &Event) -> Delivered {
        let poison: &Poison = event.get().expect("it decodes");
        assert!(poison.number != 1, "the receiver panics");
        Delivered::Queued
    }
}

/// An event that makes the receiver panic, and others that panic when they are dropped, reach the member
/// beside it, and so does what follows them.
async fn goes_on(near: &dyn ChannelLayer, far: &dyn ChannelLayer) {
    let group = GroupName::new("g").expect("a name");
    let decodes = near.new_channel(Arc::new(Decodes));
    let decodes = within("a channel", decodes).await.expect("Redis is there");
    within("a join", near.group_add(group, decodes.name()))
        .await
        .expect("Redis is there");
    let mut inbox = Inbox::open(near, &["g"]).await;
    for number in 1..=4 {
        let event = Event::new("poison.event", json!({ "number": number })).expect("an event");
        within("a send", far.group_send(group, event, None))
            .await
            .expect("Redis is there");
        let came = inbox.next().await;
        assert_eq!(came.to_json().expect("JSON")["number"], number);
        // If the reader was quicker, it explodes here.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(came)));
        let event = Event::new("poison.event", json!({ "number": number + 10 })).expect("an event");
        within("a send", far.send(decodes.name(), event))
            .await
            .expect("Redis is there");
        // By name as well, behind it.
        let event = Event::new("some.event", json!({ "number": number })).expect("an event");
        within("a send", far.send(inbox.name(), event))
            .await
            .expect("Redis is there");
        let came = inbox.next().await;
        assert_eq!(
            came.event_type().as_str(),
            "some.event",
            "nothing comes twice"
        );
    }
}

#[tokio::test]
async fn panics_of_user_code_do_not_end_the_core_layer() {
    let redis = Redis::start().await;
    let open = || RedisChannelLayer::open(&format!("redis://{}", redis.address())).expect("a URL");
    let (near, far) = (open(), open());
    goes_on(&near, &far).await;
    for layer in [near, far] {
        within("the end", layer.close()).await.expect("closed");
    }
}

#[tokio::test]
async fn panics_of_user_code_do_not_end_the_pubsub_layer() {
    let redis = Redis::start().await;
    let (near, far) = (layer(&redis.address()), layer(&redis.address()));
    goes_on(&near, &far).await;
}
