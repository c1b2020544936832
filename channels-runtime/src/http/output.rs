//! What waits to be written of one response, bounded by the memory it takes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;

use crate::BoxError;
use crate::memory::Account;
use crate::stats::Stats;
use crate::supervise::{discard, isolate};

/// How many bytes the server gets at once.
const SLICE: usize = 64 * 1024;

/// Memory that a queued chunk takes in addition to its bytes: its place in a queue that doubles when it
/// grows, and what the allocator and the shared bytes need.
const BOOKKEEPING: usize = 2 * size_of::<Bytes>() + 32;

/// A queue between the handlers, which may have to wait, and the server, which writes.
#[derive(Debug)]
pub(super) struct Output {
    chunks: VecDeque<Bytes>,
    /// Memory that the chunks take: a chunk counts as a whole until its last byte is taken.
    cost: usize,
    /// The cost of the first chunk, once part of it is taken.
    first_cost: Option<usize>,
    /// How many bytes the server has taken so far.
    taken: u64,
    /// From this cost on, senders wait. One chunk may be larger.
    high_water: usize,
    /// What the chunks take in the total of all connections.
    account: Account,
    tail: Option<Tail>,
    /// The server, once it has written all there was.
    reader: Option<Waker>,
    waiting: Vec<Waker>,
}

/// What an [`Output`] has no more use for. Dropping it drops chunks and calls wakers, both of which may
/// be user code: declare it before the guard of the link's lock, so that it is dropped after it.
#[derive(Debug, Default)]
#[must_use = "it is dropped after the lock is released"]
pub(super) struct Spent {
    chunks: VecDeque<Bytes>,
    wakers: Vec<Waker>,
    /// Replaced by another waker, or by none.
    unused: Option<Waker>,
}

impl Drop for Spent {
    fn drop(&mut self) {
        for chunk in std::mem::take(&mut self.chunks) {
            discard("the `Drop` of a payload", chunk);
        }
        for waker in std::mem::take(&mut self.wakers) {
            isolate("a waker", || waker.wake());
        }
        if let Some(waker) = self.unused.take() {
            discard("the `Drop` of a waker", waker);
        }
    }
}

/// What comes behind the last chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// The end: the response is complete.
    End,
    /// A broken connection: the client must not take for complete what is not.
    Abort,
}

impl Output {
    pub(super) fn new(high_water: usize, stats: Arc<Stats>) -> Self {
        Self {
            chunks: VecDeque::new(),
            cost: 0,
            first_cost: None,
            taken: 0,
            high_water,
            account: Account::new(stats),
            tail: None,
            reader: None,
            waiting: Vec::new(),
        }
    }

    /// Whether a sender would have to wait: for room here, or, where anything is queued, for memory of
    /// the server.
    pub(super) fn is_full(&self) -> bool {
        self.cost >= self.high_water
            || (!self.chunks.is_empty() && self.account.memory().is_exhausted())
    }

    pub(super) fn push(&mut self, chunk: Bytes, spent: &mut Spent) {
        // A chunk of no bytes would say nothing.
        if !chunk.is_empty() {
            self.cost += BOOKKEEPING + chunk.len();
            self.account.settle(self.cost);
            self.chunks.push_back(chunk);
            self.release_reader(spent);
        }
    }

    /// Whether a sender is already remembered that waits for room.
    pub(super) fn knows(&self, waker: &Waker) -> bool {
        self.waiting.iter().any(|known| known.will_wake(waker))
    }

    /// Remembers who waits for room. To clone a waker is user code: do that without the lock.
    pub(super) fn wait(&mut self, waker: Waker) {
        self.waiting.push(waker);
    }

    /// Nobody need wait for room any more.
    pub(super) fn release_waiting(&mut self, spent: &mut Spent) {
        spent.wakers.append(&mut self.waiting);
    }

    /// Nothing more comes.
    pub(super) fn close(&mut self, tail: Tail, spent: &mut Spent) {
        self.tail.get_or_insert(tail);
        self.release_reader(spent);
        self.release_waiting(spent);
    }

    /// Takes out what is left: nobody reads it.
    pub(super) fn clear(&mut self, spent: &mut Spent) {
        spent.chunks.append(&mut self.chunks);
        self.chunks = VecDeque::new();
        self.cost = 0;
        self.first_cost = None;
        self.account.settle(0);
        self.release_waiting(spent);
    }

    /// The next chunk for the server. Where there is none, `reader` is woken when there is.
    pub(super) fn poll_chunk(
        &mut self,
        reader: &mut Option<Waker>,
        spent: &mut Spent,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        if let Some(chunk) = self.pop(spent) {
            return Poll::Ready(Some(Ok(chunk)));
        }
        match self.tail {
            Some(Tail::End) => Poll::Ready(None),
            Some(Tail::Abort) => Poll::Ready(Some(Err("the response was given up".into()))),
            None => {
                spent.unused = std::mem::replace(&mut self.reader, reader.take());
                Poll::Pending
            }
        }
    }

    /// A chunk, or as much of it as shows within a time whether the client reads.
    fn pop(&mut self, spent: &mut Spent) -> Option<Bytes> {
        let first = self.chunks.front_mut()?;
        let whole = self.first_cost.take().unwrap_or(BOOKKEEPING + first.len());
        let chunk = first.split_to(first.len().min(SLICE));
        if first.is_empty() {
            spent.chunks.extend(self.chunks.pop_front());
            self.cost -= whole;
            self.account.settle(self.cost);
        } else {
            self.first_cost = Some(whole);
        }
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
        self.taken += chunk.len() as u64;
        if !self.is_full() {
            self.release_waiting(spent);
        }
        Some(chunk)
    }

    /// How many bytes the server has taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    fn release_reader(&mut self, spent: &mut Spent) {
        spent.wakers.extend(self.reader.take());
    }
}
