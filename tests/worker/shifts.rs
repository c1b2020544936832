//! Taking jobs, one after the other or several at once, until the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::prelude::*;
use serde_json::json;

use super::support::{Journal, until, within};
use super::{Note, Running, Wait, app, send, tasks};

#[tokio::test(start_paused = true)]
async fn jobs_are_done_in_their_order() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    for number in 0..50 {
        send(
            &layer,
            Note {
                text: number.to_string(),
            },
        )
        .await;
    }
    let worker = Running::start(Worker::new(app));
    until("all are done", || journal.lines().len() == 50).await;
    for number in 50..60 {
        send(
            &layer,
            Note {
                text: number.to_string(),
            },
        )
        .await;
    }
    until("all are done", || journal.lines().len() == 60).await;
    let expected: Vec<_> = (0..60).map(|number| number.to_string()).collect();
    assert_eq!(journal.lines(), expected);
    worker.stopped().await.expect("a good end");
    assert_eq!(layer.queue_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn several_run_at_once_where_that_is_wanted() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(Worker::new(app).concurrency(3));
    for _ in 0..4 {
        send(&layer, Wait { millis: 1000 }).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(journal.count("begun"), 3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((journal.count("begun"), journal.count("ended")), (4, 3));
    worker.stopped().await.expect("a good end");
    assert_eq!(journal.count("ended"), 4);
}

#[consumer(channel)]
struct Counting(Arc<Vec<AtomicUsize>>);

#[consumer]
impl Counting {
    #[handler("task.count")]
    async fn count(&mut self, Payload(number): Payload<Number>) {
        tokio::task::yield_now().await;
        self.0[number.number].fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Deserialize)]
struct Number {
    number: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_job_is_done_by_one_worker() {
    const JOBS: usize = 2000;
    let layer = InMemoryChannelLayer::with_queues(JOBS, Duration::from_secs(60));
    let done: Arc<Vec<AtomicUsize>> = Arc::new((0..JOBS).map(|_| AtomicUsize::new(0)).collect());
    let mut workers = Vec::new();
    for _ in 0..4 {
        let counts = Arc::clone(&done);
        let counting = Counting::app_with(move |_| Counting(Arc::clone(&counts)));
        let app = ProtocolTypeRouter::new()
            .channel_layer(layer.clone())
            .channel(ChannelNameRouter::new().channel("tasks", counting));
        workers.push(Running::start(
            Worker::new(app).concurrency(2).beside_server(),
        ));
    }
    let mut senders = Vec::new();
    for part in 0..4 {
        let layer = layer.clone();
        senders.push(tokio::spawn(async move {
            for number in (part..JOBS).step_by(4) {
                let event = Event::new("task.count", json!({ "number": number }));
                send(&layer, event.expect("an event")).await;
            }
        }));
    }
    for sender in senders {
        within(sender).await.expect("no panic");
    }
    let count = |done: &Vec<AtomicUsize>| {
        done.iter()
            .map(|one| one.load(Ordering::Relaxed))
            .sum::<usize>()
    };
    until("all are done", || count(&done) >= JOBS).await;
    for worker in workers {
        worker.stopped().await.expect("a good end");
    }
    assert!(done.iter().all(|one| one.load(Ordering::Relaxed) == 1));
    assert_eq!(layer.queue_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_runs_may_end_and_nothing_new_begins() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(Worker::new(app).beside_server());
    send(&layer, Wait { millis: 2000 }).await;
    send(
        &layer,
        Note {
            text: "later".into(),
        },
    )
    .await;
    until("it has begun", || journal.count("begun") == 1).await;
    worker.stopped().await.expect("a good end");
    assert_eq!(journal.lines(), ["begun", "ended"]);
    let left = within(layer.receive(&tasks())).await.expect("the next job");
    assert_eq!(left.event_type().as_str(), "task.note");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_given_back() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let mut limits = Limits::default();
    limits.grace = Duration::from_secs(3);
    let worker = Running::start(Worker::new(app.limits(limits)).beside_server());
    send(&layer, Wait { millis: 3_600_000 }).await;
    until("it has begun", || journal.count("begun") == 1).await;
    let told = tokio::time::Instant::now();
    worker.stopped().await.expect("a good end");
    assert_eq!(told.elapsed().as_secs(), 3);
    let left = within(layer.receive(&tasks())).await.expect("the same job");
    assert_eq!(left.get::<Wait>().expect("the wait").millis, 3_600_000);
}

#[tokio::test]
async fn plain_handlers_may_block() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(Worker::new(app));
    send(
        &layer,
        Event::new("task.block", json!({})).expect("an event"),
    )
    .await;
    until("it is done", || journal.count("blocking in tasks") == 1).await;
    worker.stopped().await.expect("a good end");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_closed_ends_nobody() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Running::start(Worker::new(app));
    send(&layer, Note { text: "one".into() }).await;
    until("it is done", || journal.count("one") == 1).await;
    layer.close().await.expect("closed");
    tokio::time::sleep(Duration::from_secs(10)).await;
    worker.stopped().await.expect("a good end");
}
