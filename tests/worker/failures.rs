//! Jobs that fail, panic, or are not understood.

use std::time::Duration;

use channels::DropReason;
use channels::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use super::support::{Journal, until, within};
use super::{Fail, Note, Panic, Running, app, send};

fn dead() -> ChannelName {
    ChannelName::new("dead").expect("a name")
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_is_tried_again_after_a_while() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(Worker::new(app).attempts(4).backoff(Duration::from_secs(1)));
    let begun = Instant::now();
    send(&layer, Fail { times: 3 }).await;
    until("the last attempt", || journal.count("attempt 4") == 1).await;
    assert_eq!(
        journal.lines(),
        ["attempt 1", "attempt 2", "attempt 3", "attempt 4"]
    );
    assert_eq!(begun.elapsed().as_secs(), 7, "one, two and four seconds");
    send(
        &layer,
        Note {
            text: "next".into(),
        },
    )
    .await;
    until("the next", || journal.count("next") == 1).await;
    worker.stopped().await.expect("a good end");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_always_fails_goes_to_the_dead_letters() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Worker::new(app)
        .attempts(2)
        .dead_letters("dead")
        .expect("a name");
    let worker = Running::start(worker.beside_server());
    send(&layer, Fail { times: 9 }).await;
    let letter = within(layer.receive(&dead())).await.expect("a letter");
    assert_eq!(
        letter.to_json().expect("JSON"),
        json!({
            "type": "job.failed",
            "channel": "tasks",
            "attempts": 2,
            "error": "not yet",
            "event": {"type": "task.fail", "times": 9},
        })
    );
    assert_eq!(journal.lines(), ["attempt 1", "attempt 2"]);
    worker.stopped().await.expect("a good end");
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_job_and_no_other() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let stats = app.clone();
    let worker = Worker::new(app)
        .attempts(2)
        .dead_letters("dead")
        .expect("a name");
    let worker = Running::start(worker.beside_server());
    send(
        &layer,
        Note {
            text: "before".into(),
        },
    )
    .await;
    send(&layer, Panic).await;
    send(
        &layer,
        Note {
            text: "behind".into(),
        },
    )
    .await;
    until("the next job", || journal.count("behind") == 1).await;
    let expected = [
        "before",
        "panic after 1 jobs",
        "panic after 0 jobs",
        "behind",
    ];
    assert_eq!(journal.lines(), expected, "a new consumer behind a panic");
    assert_eq!(stats.context().stats().panics(), 2);
    let letter = within(layer.receive(&dead())).await.expect("a letter");
    assert_eq!(
        letter.to_json().expect("JSON")["error"],
        "the handler panicked"
    );
    worker.stopped().await.expect("a good end");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_understands_is_not_tried_again() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let stats = app.clone();
    let worker = Worker::new(app).dead_letters("dead").expect("a name");
    let worker = Running::start(worker.beside_server());
    for (event, count) in [("task.unknown", (1, 0)), ("task.note", (1, 1))] {
        let event = Event::new(event, json!({ "text": [b"no text"] }));
        send(&layer, event.expect("an event")).await;
        let letter = within(layer.receive(&dead())).await.expect("a letter");
        assert_eq!(letter.to_json().expect("JSON")["attempts"], 1);
        let drops = |reason| stats.context().stats().drops(reason);
        assert_eq!(
            (drops(DropReason::Unhandled), drops(DropReason::Undecodable)),
            count
        );
    }
    assert!(journal.lines().is_empty());
    worker.stopped().await.expect("a good end");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_at_the_end_is_given_back() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(
        Worker::new(app)
            .backoff(Duration::from_secs(30))
            .beside_server(),
    );
    send(&layer, Fail { times: 1 }).await;
    until("the first attempt", || journal.count("attempt 1") == 1).await;
    worker.stopped().await.expect("a good end");
    let left = within(layer.receive(&super::tasks()))
        .await
        .expect("the job");
    assert_eq!(left.get::<Fail>().expect("the job").times, 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_the_job_and_not_the_worker() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(Worker::new(app));
    send(
        &layer,
        Event::new("task.stop", json!({})).expect("an event"),
    )
    .await;
    send(
        &layer,
        Note {
            text: "next".into(),
        },
    )
    .await;
    until("the next", || journal.count("next") == 1).await;
    assert_eq!(journal.lines(), ["stopped", "next"]);
    worker.stopped().await.expect("a good end");
}
