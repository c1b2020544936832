//! Panics of the user's code around a job: none may end a shift unseen, or the worker's orderly end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use channels::prelude::*;
use channels::{ChannelApp, Shift, Working};
use serde_json::json;

use super::support::{Journal, until, within};
use super::{Clerk, Note, Running, send, tasks};

fn note(text: &str) -> Note {
    Note { text: text.into() }
}

/// An application that has this for its channel `tasks`, with its layer. It notes its shutdown.
fn app(journal: &Journal, tasks: impl ChannelApp) -> (ProtocolTypeRouter, InMemoryChannelLayer) {
    let layer = InMemoryChannelLayer::new();
    let ended = journal.clone();
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .channel(ChannelNameRouter::new().channel("tasks", tasks))
        .on_shutdown(move |_| async move { ended.note("shutdown") });
    (app, layer)
}

/// A worker that buries what has failed twice.
fn worker(app: &ProtocolTypeRouter) -> Worker {
    let worker = Worker::new(app.clone()).attempts(2).dead_letters("dead");
    worker.expect("a name")
}

async fn dead_letter(layer: &InMemoryChannelLayer) -> serde_json::Value {
    let dead = ChannelName::new("dead").expect("a name");
    let letter = within(layer.receive(&dead)).await.expect("a letter");
    letter.to_json().expect("JSON")
}

#[tokio::test(start_paused = true)]
async fn a_constructor_that_panics_fails_its_job_and_no_other() {
    let (journal, hired) = (Journal::default(), Arc::new(AtomicU32::new(0)));
    let noted = journal.clone();
    let clerks = Clerk::app_with(move |_| {
        let before = hired.fetch_add(1, Ordering::Relaxed);
        assert!(before >= 3, "on purpose");
        Clerk {
            journal: noted.clone(),
            jobs: 0,
        }
    });
    let (app, layer) = app(&journal, clerks);
    let running = Running::start(worker(&app));
    send(&layer, note("twice in vain")).await;
    send(&layer, note("once in vain")).await;
    let letter = dead_letter(&layer).await;
    assert_eq!(
        letter,
        json!({
            "type": "job.failed",
            "channel": "tasks",
            "attempts": 2,
            "error": "the consumer's constructor panicked",
            "event": {"type": "task.note", "text": "twice in vain"},
        })
    );
    until("the next job", || journal.count("once in vain") == 1).await;
    assert_eq!(app.context().stats().panics(), 3);
    running.stopped().await.expect("a good end");
    assert_eq!(journal.lines(), ["once in vain", "shutdown"]);
}

/// A consumer that panics as well when it is let go.
#[consumer(channel)]
struct Grudging(Journal);

#[consumer]
impl Grudging {
    #[handler("task.note")]
    async fn note(&mut self, note: Note) {
        self.0.note(note.text);
    }

    #[handler("task.panic")]
    async fn panic(&mut self, job: &mut Job, _event: Event) {
        self.0.note(format!("attempt {}", job.attempt()));
        panic!("on purpose");
    }

    #[handler("task.linger")]
    async fn linger(&mut self, _event: Event) {
        let _grudge = Grudge;
        self.0.note("begun");
        std::future::pending::<()>().await;
    }
}

impl Drop for Grudging {
    fn drop(&mut self) {
        panic!("on purpose, in a drop");
    }
}

struct Grudge;

impl Drop for Grudge {
    fn drop(&mut self) {
        panic!("on purpose, in a drop");
    }
}

fn grudging(journal: &Journal) -> impl ChannelApp {
    let journal = journal.clone();
    Grudging::app_with(move |_| Grudging(journal.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_panics_when_it_is_replaced_costs_no_job() {
    let journal = Journal::default();
    let (app, layer) = app(&journal, grudging(&journal));
    let running = Running::start(worker(&app));
    let event = Event::new("task.panic", json!({}));
    send(&layer, event.expect("an event")).await;
    send(&layer, note("next")).await;
    let letter = dead_letter(&layer).await;
    assert_eq!(letter["error"], "the handler panicked");
    until("the next job", || journal.count("next") == 1).await;
    // At the end its last consumer panics too.
    running.stopped().await.expect("a good end");
    assert_eq!(
        journal.lines(),
        ["attempt 1", "attempt 2", "next", "shutdown"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_when_it_is_dropped_is_given_back() {
    let journal = Journal::default();
    let (app, layer) = app(&journal, grudging(&journal));
    let running = Running::start(worker(&app).beside_server());
    let event = Event::new("task.linger", json!({}));
    send(&layer, event.expect("an event")).await;
    until("it has begun", || journal.count("begun") == 1).await;
    running.stopped().await.expect("a good end");
    let left = within(layer.receive(&tasks())).await.expect("the job");
    assert_eq!(left.event_type().as_str(), "task.linger");
}

/// What cannot be written into a dead letter: it panics after it was sent.
#[derive(Event)]
#[event("task.unwritable")]
struct Unwritable {
    is_sent: Arc<AtomicBool>,
}

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(
            !self.is_sent.load(Ordering::Relaxed),
            "on purpose, in serialize"
        );
        serde::ser::SerializeMap::end(serializer.serialize_map(Some(0))?)
    }
}

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self {
            is_sent: Arc::default(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_cannot_be_buried_ends_no_shift() {
    let journal = Journal::default();
    let noted = journal.clone();
    let clerks = Clerk::app_with(move |_| Clerk {
        journal: noted.clone(),
        jobs: 0,
    });
    let (app, layer) = app(&journal, clerks);
    // No clerk handles it.
    let is_sent = Arc::new(AtomicBool::new(false));
    let event = Unwritable {
        is_sent: Arc::clone(&is_sent),
    };
    send(&layer, event).await;
    is_sent.store(true, Ordering::Relaxed);
    let running = Running::start(worker(&app));
    send(&layer, note("next")).await;
    until("the next job", || journal.count("next") == 1).await;
    running.stopped().await.expect("a good end");
    assert_eq!(journal.lines(), ["next", "shutdown"]);
}

/// Its first shift dies; the others end when they are told.
struct Dying {
    clerks: Box<dyn ChannelApp>,
    shifts: AtomicU32,
}

impl ChannelApp for Dying {
    fn work(&self, shift: Shift) -> Working<'_> {
        let is_first = self.shifts.fetch_add(1, Ordering::Relaxed) == 0;
        assert!(!is_first, "on purpose, in a shift");
        self.clerks.work(shift)
    }
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_dies_leaves_the_others_their_end() {
    let journal = Journal::default();
    let noted = journal.clone();
    let clerks = Clerk::app_with(move |_| Clerk {
        journal: noted.clone(),
        jobs: 0,
    });
    let dying = Dying {
        clerks: Box::new(clerks),
        shifts: AtomicU32::new(0),
    };
    let (app, layer) = app(&journal, dying);
    let running = Running::start(worker(&app).concurrency(2));
    send(&layer, super::Wait { millis: 3000 }).await;
    until("it has begun", || journal.count("begun") == 1).await;
    running.stopped().await.expect("a good end");
    assert_eq!(journal.lines(), ["begun", "ended", "shutdown"]);
}
