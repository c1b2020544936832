//! How an exchange ends: its client goes, does not read, or the server shuts down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::prelude::*;
use channels::testing::HttpCommunicator;
use http::Method;

use crate::actor::{Actor, actor};
use crate::events::news;
use crate::polls::Poll;
use crate::support::{Journal, until, within};
use crate::{ended, get, router};

#[tokio::test(start_paused = true)]
async fn a_handler_that_streams_to_a_head_for_ever_has_its_grace() {
    let journal = Journal::default();
    let app = actor(&journal);
    let head = HttpCommunicator::new(&app, Method::HEAD, "/for-ever/").response();
    assert_eq!(head.await.expect("a response").status(), 200);
    ended(&app).await;
    assert_eq!(journal.lines(), ["HEAD for-ever", "disconnect Consumer"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_lost_after_a_while() {
    let journal = Journal::default();
    let app = actor(&journal);
    let open = HttpCommunicator::get(&app, "/flood/")
        .open()
        .await
        .expect("begun");
    tokio::time::sleep(Duration::from_secs(45)).await;
    assert_eq!(app.context().connections(), 1);
    ended(&app).await;
    assert_eq!(journal.lines(), ["GET flood", "disconnect Lost"]);
    drop(open);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_while_handle_runs_is_noticed() {
    let journal = Journal::default();
    let app = actor(&journal);
    let waiting = HttpCommunicator::get(&app, "/sleep/").timeout(Duration::from_secs(1));
    waiting.open().await.expect_err("the test gives up");
    ended(&app).await;
    // It had its grace period, in which it could send no more.
    let expected = ["GET sleep", "slept", "false", "disconnect Lost"];
    assert_eq!(journal.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_goes_on_for_ever_is_dropped_after_its_grace() {
    let journal = Journal::default();
    let app = actor(&journal);
    let open = HttpCommunicator::get(&app, "/for-ever/")
        .open()
        .await
        .expect("begun");
    let started = tokio::time::Instant::now();
    drop(open);
    ended(&app).await;
    assert_eq!(journal.lines(), ["GET for-ever", "disconnect Lost"]);
    let grace = app.context().limits().grace;
    let took = started.elapsed();
    assert!(
        took >= grace && took < grace + Duration::from_secs(1),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_work_on_behind_its_answer() {
    let journal = Journal::default();
    let app = actor(&journal);
    assert_eq!(get(&app, "/after-the-answer/").await.status(), 202);
    until("disconnected", || journal.lines().len() == 3).await;
    let expected = ["GET after-the-answer", "worked on", "disconnect Consumer"];
    assert_eq!(journal.lines(), expected);
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_sender() {
    let (journal, sent) = (Journal::default(), Arc::new(AtomicUsize::new(0)));
    let app = router(Actor::counting(&journal, &sent));
    let mut open = HttpCommunicator::get(&app, "/flood/")
        .open()
        .await
        .expect("begun");
    let mut before = usize::MAX;
    until("the sender waits", || {
        let now = sent.load(Ordering::SeqCst);
        std::mem::replace(&mut before, now) == now && now > 0
    })
    .await;
    // 1 MiB is queued, and what fits between the two ends.
    let waiting = sent.load(Ordering::SeqCst);
    assert!(waiting <= 40, "{waiting} parts of 64 KiB");
    let mut read = 0;
    while read < 8 * 1024 * 1024 {
        read += open.chunk().await.expect("a part").expect("no end").len();
    }
    assert!(sent.load(Ordering::SeqCst) >= 8 * 16 - 1);
    drop(open);
    ended(&app).await;
    assert_eq!(journal.lines(), ["GET flood", "disconnect Lost"]);
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_ends_what_is_open() {
    let news = news();
    let mut stream = news.reader().await;
    let journal = Journal::default();
    let late = actor(&journal);
    let poll = router(Poll::app());
    let task = actor(&Journal::default());
    let mut by_task = HttpCommunicator::get(&task, "/task/")
        .open()
        .await
        .expect("begun");
    let mut for_ever = HttpCommunicator::get(&late, "/for-ever/")
        .open()
        .await
        .expect("begun");
    let working = tokio::spawn(HttpCommunicator::get(&late, "/sleep/").response());
    let waiting = tokio::spawn(HttpCommunicator::get(&poll, "/a/").response());
    until("all are there", || {
        late.context().connections() == 2 && poll.context().connections() == 1
    })
    .await;

    within(async {
        tokio::join!(
            news.app.shutdown(),
            late.shutdown(),
            poll.shutdown(),
            task.shutdown()
        )
    })
    .await;
    by_task
        .chunk()
        .await
        .expect_err("broken off: its task went on");
    assert_eq!(stream.event().await.expect("a clean end"), None);
    for_ever
        .chunk()
        .await
        .expect_err("broken off after its grace");
    let working = working.await.expect("no panic").expect("a response");
    assert_eq!(working.body(), "late");
    let waiting = waiting.await.expect("no panic").expect("a response");
    assert_eq!(waiting.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(news.journal.lines(), ["Shutdown"]);
    assert_eq!(journal.count("disconnect Consumer"), 1);
    assert_eq!(journal.count("disconnect Shutdown"), 1);
    let refused = get(&late, "/json/").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}
