//! Workers over Redis.

use std::collections::BTreeSet;
use std::time::Duration;

use channels::RedisChannelLayer;
use channels::prelude::*;
use serde_json::json;

use super::{CORE, core};
use crate::inbox::{message, say};
use crate::peer::Peer;
use crate::redis::Redis;
use crate::within;

fn tasks() -> ChannelName {
    ChannelName::new("tasks").expect("a name")
}

async fn next(layer: &RedisChannelLayer) -> String {
    let event = within("a job", layer.receive(&tasks()))
        .await
        .expect("an event");
    let event = event.to_json().expect("JSON");
    event["text"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn each_job_goes_to_one_of_several_processes() {
    const JOBS: usize = 300;
    let servers = [Redis::start().await, Redis::start().await];
    let addresses: Vec<_> = servers.iter().map(Redis::address).collect();
    let url = format!("redis://{}?capacity=1000", addresses.join(","));
    let open = || RedisChannelLayer::open(&url).expect("a URL");
    let sender = open();
    let mut workers = Vec::new();
    let (got, mut all) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..3 {
        let (layer, got) = (open(), got.clone());
        workers.push(tokio::spawn(async move {
            loop {
                let text = next(&layer).await;
                got.send(text).expect("it is read");
            }
        }));
    }
    for number in 0..JOBS {
        within("a send", sender.send(&tasks(), say(&number.to_string())))
            .await
            .expect("room");
    }
    let mut seen = BTreeSet::new();
    for _ in 0..JOBS {
        let text = within("a job", all.recv()).await.expect("more");
        assert!(seen.insert(text), "one job came twice");
    }
    for worker in workers {
        worker.abort();
    }
}

#[tokio::test]
async fn jobs_come_in_order() {
    let redis = Redis::start().await;
    let layer = core(&redis.address());
    for number in 0..50 {
        within("a send", layer.send(&tasks(), say(&number.to_string())))
            .await
            .expect("room");
    }
    for number in 0..50 {
        assert_eq!(next(&layer).await, number.to_string());
    }
}

#[tokio::test]
async fn a_django_site_sends_jobs_as_well() {
    let redis = Redis::start().await;
    let host = format!("redis://{}", redis.address());
    let mut django = Peer::start(CORE, &json!({ "hosts": [host] })).await;
    django.send(&tasks(), message("from Django")).await;
    let layer = core(&redis.address());
    assert_eq!(next(&layer).await, "from Django");
}

#[tokio::test]
async fn what_a_worker_that_goes_away_had_taken_is_for_the_next_one() {
    let redis = Redis::start().await;
    let layer = core(&redis.address());
    for number in 0..20 {
        let waiting = tokio::spawn({
            let layer = layer.clone();
            async move { layer.receive(&tasks()).await.map(|_| ()) }
        });
        tokio::time::sleep(Duration::from_millis(number)).await;
        within("a send", layer.send(&tasks(), say(&number.to_string())))
            .await
            .expect("room");
        waiting.abort();
        let _ = waiting.await;
    }
    // Some were received by those that were aborted too late; the rest is there, somewhere.
    let other = core(&redis.address());
    layer.close().await.expect("closed");
    let left: i64 = redis
        .cli(&["ZCARD", "asgitasks"])
        .await
        .trim()
        .parse()
        .expect("a number");
    for _ in 0..left {
        next(&other).await;
    }
}

#[consumer(channel)]
struct Clerk(tokio::sync::mpsc::UnboundedSender<String>);

#[consumer]
impl Clerk {
    #[handler("chat.message")]
    async fn message(&mut self, Payload(said): Payload<Said>) {
        self.0.send(said.text).expect("it is read");
    }
}

#[derive(Deserialize)]
struct Said {
    text: String,
}

#[tokio::test]
async fn a_worker_works_over_redis() {
    let redis = Redis::start().await;
    let (done, mut all) = tokio::sync::mpsc::unbounded_channel();
    let clerk = Clerk::app_with(move |_| Clerk(done.clone()));
    let app = ProtocolTypeRouter::new()
        .channel_layer(core(&redis.address()))
        .channel(ChannelNameRouter::new().channel("tasks", clerk));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(Worker::new(app).run_until(async {
        let _ = stopped.await;
    }));
    let sender = core(&redis.address());
    within("a send", sender.send(&tasks(), say("work")))
        .await
        .expect("room");
    assert_eq!(
        within("the work", all.recv()).await.as_deref(),
        Some("work")
    );
    drop(stop);
    within("the end", worker)
        .await
        .expect("no panic")
        .expect("a good end");
}
