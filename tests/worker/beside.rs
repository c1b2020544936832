//! Workers beside a server, or beside each other: the layers stay open while jobs end.

use std::time::Duration;

use channels::prelude::*;
use channels::{ChannelApp, Shift, Working};
use tokio::time::Instant;

use super::support::{self, Journal, until, within};
use super::{Running, Wait, send, tasks};

/// A consumer that sends when its job is done.
#[consumer(channel)]
struct Reporter(Journal);

#[consumer]
impl Reporter {
    #[handler("task.wait")]
    async fn wait(&mut self, job: &mut Job, wait: &Wait) -> Result {
        self.0.note("begun");
        tokio::time::sleep(Duration::from_millis(wait.millis)).await;
        job.group_send("done", Wait { millis: 0 }).await?;
        self.0.note("reported");
        Ok(())
    }
}

/// An application with reporters, with its layer. Its shutdown notes what waits in `tasks`.
fn app(journal: &Journal) -> (ProtocolTypeRouter, InMemoryChannelLayer) {
    let noted = journal.clone();
    app_of(
        journal,
        Reporter::app_with(move |_| Reporter(noted.clone())),
    )
}

fn app_of(journal: &Journal, jobs: impl ChannelApp) -> (ProtocolTypeRouter, InMemoryChannelLayer) {
    let layer = InMemoryChannelLayer::new();
    let (noted, left) = (journal.clone(), layer.clone());
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .channel(ChannelNameRouter::new().channel("tasks", jobs))
        .on_shutdown(move |_| async move {
            noted.note(format!("shutdown, {} left", left.queue_count()));
        });
    (app, layer)
}

#[tokio::test(start_paused = true)]
async fn the_server_leaves_the_layers_open_to_jobs_that_end() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let server = support::Running::start(&app).await;
    let worker = Running::start(Worker::new(app).beside_server());
    send(&layer, Wait { millis: 3000 }).await;
    until("it has begun", || journal.count("begun") == 1).await;
    let ended = tokio::try_join!(server.stopped(), worker.stopped());
    ended.expect("a good end");
    assert_eq!(journal.lines(), ["begun", "reported", "shutdown, 0 left"]);
    let closed = within(layer.receive(&tasks())).await.expect_err("closed");
    assert_eq!(closed.kind(), ErrorKind::Layer);
}

#[tokio::test(start_paused = true)]
async fn the_server_leaves_the_layers_open_to_jobs_that_are_given_back() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let server = support::Running::start(&app).await;
    let worker = Running::start(Worker::new(app).beside_server());
    send(&layer, Wait { millis: 3_600_000 }).await;
    until("it has begun", || journal.count("begun") == 1).await;
    let ended = tokio::try_join!(server.stopped(), worker.stopped());
    ended.expect("a good end");
    assert_eq!(journal.lines(), ["begun", "shutdown, 1 left"]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_never_told_has_its_grace_and_no_more() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let worker = Worker::new(app.clone()).concurrency(2).beside_server();
    let worker = tokio::spawn(worker.run_until(std::future::pending()));
    send(&layer, Wait { millis: 3_600_000 }).await;
    until("it has begun", || journal.count("begun") == 1).await;
    let begun = Instant::now();
    within(app.shutdown()).await;
    assert_eq!(begun.elapsed().as_secs(), 10, "the grace");
    assert_eq!(journal.lines(), ["begun", "shutdown, 1 left"]);
    worker.abort();
}

#[tokio::test(start_paused = true)]
async fn workers_without_a_server_wait_for_each_other() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let one = Running::start(Worker::new(app.clone()));
    send(&layer, Wait { millis: 3000 }).await;
    until("it has begun", || journal.count("begun") == 1).await;
    let other = Running::start(Worker::new(app));
    other.stopped().await.expect("a good end");
    assert_eq!(journal.lines(), ["begun", "reported", "shutdown, 0 left"]);
    one.stopped().await.expect("a good end");
}

/// Hears nothing.
struct Deaf;

impl ChannelApp for Deaf {
    fn work(&self, shift: Shift) -> Working<'_> {
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(shift);
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_does_not_end_holds_the_shutdown_only_so_long() {
    let journal = Journal::default();
    let mut limits = Limits::default();
    limits.shutdown_timeout = Duration::from_secs(5);
    let (app, _layer) = app_of(&journal, Deaf);
    let app = app.limits(limits);
    let worker = Worker::new(app.clone()).beside_server();
    let worker = tokio::spawn(worker.run_until(std::future::pending()));
    tokio::task::yield_now().await;
    let begun = Instant::now();
    within(app.shutdown()).await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(journal.lines().len(), 1, "the hooks ran");
    worker.abort();
}
