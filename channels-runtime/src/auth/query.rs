//! Questions to a store about many logins at once.
//!
//! Stores are user code. A query may fail, panic or never return, and one of its keys may be the
//! cause. Each key then gets a separate query, a few at a time. A key whose separate query fails is
//! left out of the shared query of the next pass, so that the other keys still need only that one.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::session::StoreFuture;
use crate::supervise::panic_message;
use crate::{Error, ErrorKind, Result};

/// How long a query for many keys may take: longer than a [`Database`](crate::Database) waits itself.
pub(super) const QUERY: Duration = Duration::from_secs(15);

/// How long a separate query for one key may take.
const SINGLE: Duration = Duration::from_secs(5);

/// How many separate queries run at the same time: a store may have few connections.
const CONCURRENT: usize = 4;

/// After this many failures in a row the store itself is taken to be unavailable.
const MOST_FAILURES: usize = 16;

/// How long all separate queries in place of one shared query may take.
const SINGLES: Duration = Duration::from_secs(60);

/// The keys whose separate queries failed, and when these last ran.
#[derive(Default)]
pub(super) struct Suspects {
    /// In the last pass.
    known: HashMap<String, Instant>,
    /// In this one.
    found: HashMap<String, Instant>,
}

impl Suspects {
    /// Ends a pass: keys that were not part of it are forgotten, which bounds the memory.
    pub(super) fn end_pass(&mut self) {
        self.known = std::mem::take(&mut self.found);
    }
}

/// The keys of one shared query, followed by those that get separate queries. Among the latter, the one
/// with the oldest query comes first: each has its turn, even if a pass stops early.
pub(super) struct Keys {
    keys: Vec<String>,
    /// How many of them the shared query has.
    together: usize,
}

impl Keys {
    pub(super) fn new(mut keys: Vec<String>, suspects: &Suspects) -> Self {
        keys.sort_by_cached_key(|key| suspects.known.get(key).copied());
        let together = keys.partition_point(|key| !suspects.known.contains_key(key));
        Self { keys, together }
    }
}

/// The rows that a store returned, and the keys for which it failed.
pub(super) struct Answers<T> {
    pub(super) found: Vec<T>,
    pub(super) failed: HashSet<String>,
    /// The last error.
    pub(super) error: Option<Error>,
}

/// Queries all keys together, and each separately if that fails.
pub(super) async fn each<'a, T: Send + 'a>(
    keys: &'a Keys,
    suspects: &mut Suspects,
    ask: impl Fn(&'a [String]) -> StoreFuture<'a, Vec<T>> + Sync,
) -> Answers<T> {
    let mut answers = Answers {
        found: Vec::new(),
        failed: HashSet::new(),
        error: None,
    };
    let (together, apart) = keys.keys.split_at(keys.together);
    if !together.is_empty() {
        match answer(QUERY, || ask(together)).await {
            Ok(found) => answers.found = found,
            Err(error) if together.len() == 1 => {
                answers.error = Some(error);
                answers.failed.extend(together.iter().cloned());
            }
            Err(_) => singly(together, suspects, &ask, &mut answers).await,
        }
    }
    singly(apart, suspects, &ask, &mut answers).await;
    answers
}

/// Queries each key separately, until the store seems to fail for all of them.
async fn singly<'a, T: Send + 'a>(
    keys: &'a [String],
    suspects: &mut Suspects,
    ask: &(impl Fn(&'a [String]) -> StoreFuture<'a, Vec<T>> + Sync),
    answers: &mut Answers<T>,
) {
    let deadline = Instant::now() + SINGLES;
    let alone = |key: &'a String| async move {
        let found = answer(SINGLE, || ask(std::slice::from_ref(key))).await;
        (key, found)
    };
    let mut unasked: HashSet<&str> = keys.iter().map(String::as_str).collect();
    let mut in_a_row = 0;
    let mut next = keys.iter();
    let mut asked: FuturesUnordered<_> = next.by_ref().take(CONCURRENT).map(alone).collect();
    while in_a_row < MOST_FAILURES
        && let Ok(Some((key, found))) = timeout_at(deadline, asked.next()).await
    {
        asked.extend(next.next().map(alone));
        unasked.remove(key.as_str());
        match found {
            Ok(found) => {
                in_a_row = 0;
                answers.found.extend(found);
            }
            Err(error) => {
                in_a_row += 1;
                answers.error = Some(error);
                suspects.found.insert(key.clone(), Instant::now());
                answers.failed.insert(key.clone());
            }
        }
    }
    drop(asked);
    for key in unasked {
        if let Some(last) = suspects.known.get(key) {
            suspects.found.insert(key.to_owned(), *last);
        }
        answers.failed.insert(key.to_owned());
    }
}

/// Runs one query of a store, which may panic or never return.
async fn answer<'a, T: 'a>(
    longest: Duration,
    ask: impl FnOnce() -> StoreFuture<'a, T>,
) -> Result<T> {
    let query = AssertUnwindSafe(async { ask().await }).catch_unwind();
    match timeout(longest, query).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) => Err(Error::unavailable("the store did not answer in time")),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let what = format!("the store panicked: {}", panic_message(panic));
    Error::new(ErrorKind::Other, what)
}
