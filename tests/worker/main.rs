//! Workers: who gets which job, in which order, and what becomes of those that fail.

#[path = "../support/mod.rs"]
mod support;

mod beside;
mod failures;
mod panics;
mod queues;
mod setup;
mod shifts;

use std::time::Duration;

use channels::prelude::*;
use serde_json::json;

use self::support::Journal;

/// A consumer that notes what it does, and does what the job says.
#[consumer(channel)]
struct Clerk {
    journal: Journal,
    /// How many jobs this one has had.
    jobs: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("task.note")]
struct Note {
    text: String,
}

/// Fails so often.
#[derive(Event, Serialize, Deserialize)]
#[event("task.fail")]
struct Fail {
    times: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("task.wait")]
struct Wait {
    millis: u64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("task.panic")]
struct Panic;

#[consumer]
impl Clerk {
    #[handler("task.note")]
    async fn note(&mut self, note: Note) {
        self.jobs += 1;
        self.journal.note(note.text);
    }

    #[handler("task.fail")]
    async fn fail(&mut self, job: &mut Job, fail: &Fail) -> Result {
        self.journal.note(format!("attempt {}", job.attempt()));
        if job.attempt() <= fail.times {
            return Err(Error::other("not yet"));
        }
        Ok(())
    }

    #[handler("task.wait")]
    async fn wait(&mut self, wait: Wait) {
        self.journal.note("begun");
        tokio::time::sleep(Duration::from_millis(wait.millis)).await;
        self.journal.note("ended");
    }

    #[handler("task.panic")]
    async fn panic(&mut self, _panic: Panic) {
        self.journal.note(format!("panic after {} jobs", self.jobs));
        panic!("on purpose");
    }

    #[handler("task.block")]
    fn block(&mut self, job: &mut BlockingJob, _event: Event) -> Result {
        self.journal.note(format!("blocking in {}", job.channel()));
        job.group_send("done", Event::new("task.done", json!({}))?)
    }

    #[handler("task.stop")]
    async fn stop(&mut self, _event: Event) -> Result {
        self.journal.note("stopped");
        Err(Stop.into())
    }
}

/// An application whose channel `tasks` has clerks, with its layer.
fn app(journal: &Journal) -> (ProtocolTypeRouter, InMemoryChannelLayer) {
    let layer = InMemoryChannelLayer::new();
    let journal = journal.clone();
    let clerks = Clerk::app_with(move |_| Clerk {
        journal: journal.clone(),
        jobs: 0,
    });
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .channel(ChannelNameRouter::new().channel("tasks", clerks));
    (app, layer)
}

fn tasks() -> ChannelName {
    ChannelName::new("tasks").expect("a name")
}

async fn send(layer: &InMemoryChannelLayer, event: impl Into<Event>) {
    let sent = layer.send(&tasks(), event.into()).await;
    sent.expect("room in the queue");
}

/// A worker that runs, until it is told to stop.
struct Running {
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result>,
}

impl Running {
    fn start(worker: Worker) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(worker.run_until(async {
            let _ = stopped.await;
        }));
        Self { stop, task }
    }

    async fn stopped(self) -> Result {
        drop(self.stop);
        support::within(self.task).await.expect("no panic")
    }
}
