//! Writing what relayed events have queued: for many sockets at a time, without waking their tasks.
//!
//! An event that is relayed to a thousand sockets would wake a thousand tasks only to write. Here
//! one task writes for all of them, after those who are ready to run have run: so several events
//! that were sent at about the same time leave with one call for each socket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio::task::yield_now;

use super::link::Link;
use super::work_queue::WorkQueue;

/// How many sockets are written to before other tasks have their turn.
const BATCH: usize = 256;

/// The writers of an application, one for each thread of its runtime.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    shards: OnceLock<Box<[Arc<Shard>]>>,
    next: AtomicUsize,
}

/// What one writer has to do: sockets with something to write, each once. So it is bounded by their
/// number.
#[derive(Debug, Default)]
pub(crate) struct Shard(WorkQueue<Arc<Link>>);

impl Flusher {
    /// The writer of the next connection; the first call starts them all.
    pub(crate) fn assign(&self) -> Arc<Shard> {
        let shards = self.shards.get_or_init(|| {
            let threads = Handle::current().metrics().num_workers();
            let start = |_| {
                let shard = Arc::<Shard>::default();
                tokio::spawn(run(Arc::clone(&shard)));
                shard
            };
            (0..threads.max(1)).map(start).collect()
        });
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&shards[turn % shards.len()])
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        for shard in self.shards.take().into_iter().flatten() {
            shard.0.stop();
        }
    }
}

impl Shard {
    /// Adds a socket. Each is added once until it is written to: see `flushing` of the link.
    pub(super) fn push(&self, link: Arc<Link>) {
        if let Err(link) = self.0.push(link) {
            link.flush_relayed();
        }
    }
}

/// One writer's run. When it ends, also with a runtime that others outlive, it says so, and what it
/// has still to write is written: from then on whoever queues something writes it.
struct Run {
    shard: Arc<Shard>,
    /// The sockets that are written to at present.
    batch: Vec<Arc<Link>>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.batch.append(&mut self.shard.0.end());
        self.batch.iter().for_each(|link| link.flush_relayed());
    }
}

async fn run(shard: Arc<Shard>) {
    let batch = Vec::new();
    let mut run = Run { shard, batch };
    while run.shard.0.wait().await {
        yield_now().await;
        run.shard.0.take(&mut run.batch);
        for done in 0..run.batch.len() {
            run.batch[done].flush_relayed();
            if (done + 1) % BATCH == 0 {
                yield_now().await;
            }
        }
        run.batch.clear();
        run.batch.shrink_to(BATCH);
    }
}
