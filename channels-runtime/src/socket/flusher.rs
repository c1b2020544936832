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
use crate::supervise::supervise;

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

/// A writer that has ended, also with a runtime that others outlive: what it has still to write is
/// written, and from then on whoever queues something writes it.
struct Ended(Arc<Shard>);

impl Drop for Ended {
    fn drop(&mut self) {
        for link in self.0.0.end() {
            link.flush_relayed();
        }
    }
}

/// The sockets that are written to at present. Those that are left, after a panic, are written to by
/// the next run.
struct Batch<'a> {
    shard: &'a Shard,
    links: Vec<Arc<Link>>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.shard.0.put_back(&mut self.links);
    }
}

async fn run(shard: Arc<Shard>) {
    let ended = Ended(shard);
    supervise("writer of relayed events", || write(&ended.0)).await;
}

async fn write(shard: &Shard) {
    let links = Vec::new();
    let mut batch = Batch { shard, links };
    while shard.0.wait().await {
        yield_now().await;
        shard.0.take(&mut batch.links);
        // Each is taken out before it is written to, so that none is tried again after a panic.
        batch.links.reverse();
        let mut done = 0;
        while let Some(link) = batch.links.pop() {
            link.flush_relayed();
            done += 1;
            if done % BATCH == 0 {
                yield_now().await;
            }
        }
        batch.links.shrink_to(BATCH);
    }
}
