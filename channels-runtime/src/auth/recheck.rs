//! Asks the stores again whether the users of open connections are still logged in.
//!
//! Stores are user code: a query may fail, panic or never return. What fails for many logins at once
//! is asked again for each of them, so that one row cannot keep the logins of others open. A login that
//! could not be checked for a whole [grace](Watch::grace) is closed.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::hash::AuthHash;
use super::login::Login;
use super::site::{Site, WeakSite};
use super::user::UserRecord;
use super::watch::{Logged, revoke_all};
use crate::log::LogLimit;
use crate::session::StoreFuture;
use crate::supervise::panic_message;
use crate::{Error, ErrorKind, Result};

/// How exactly a token's end is kept to.
const TICK: Duration = Duration::from_secs(1);

/// Pause before a failed recheck after a gap is retried.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// How long one query may take: longer than a [`Database`](crate::Database) waits itself.
const QUERY: Duration = Duration::from_secs(15);

/// How many sessions, or users, are looked up together.
const CHUNK: usize = 500;

/// A session key or a user's primary key, and the connections that it stands for.
type Group = (Box<str>, Vec<Logged>);

/// Closes the connections whose login ends, for as long as there are any that end without an event.
pub(super) async fn sweep(site: WeakSite, interval: Option<Duration>) {
    // Separate loops: a store that never answers must not keep ended tokens open.
    tokio::select! {
        () = expire_tokens(&site, interval) => {}
        () = recheck_every(&site, interval) => {}
    }
}

/// Closes connections whose token has ended. Returns when no connection is left to look after.
async fn expire_tokens(site: &WeakSite, interval: Option<Duration>) {
    let tick = interval.map_or(TICK, |interval| interval.min(TICK));
    loop {
        tokio::time::sleep(tick).await;
        let Some(site) = site.upgrade() else { return };
        if !site.watch().expire(SystemTime::now()) {
            return;
        }
    }
}

/// Checks all logins once per interval, for ever.
async fn recheck_every(site: &WeakSite, interval: Option<Duration>) {
    let Some(interval) = interval else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(interval).await;
        let Some(site) = site.upgrade() else { return };
        let now = Instant::now();
        recheck(&site, now).await;
        if let Some(overdue) = now.checked_sub(site.watch().grace()) {
            close_unchecked(&site, overdue);
        }
    }
}

/// Checks all logins after a gap of a layer, until each of them was checked after the last gap.
pub(super) async fn catch_up(site: WeakSite, gaps: Arc<AtomicUsize>) {
    let mut seen = gaps.load(Ordering::Relaxed);
    let (mut gap, begun) = (Instant::now(), Instant::now());
    while let Some(site) = site.upgrade() {
        let is_done = recheck(&site, gap).await;
        if !is_done && begun.elapsed() >= site.watch().grace() {
            close_unchecked(&site, begun);
        }
        if is_done {
            match gaps.compare_exchange(seen, 0, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                // Another gap: the logins that were checked before it are checked again.
                Err(now) => (seen, gap) = (now, Instant::now()),
            }
        }
        drop(site);
        if !is_done {
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Closes the connections whose logins were last checked before a time.
fn close_unchecked(site: &Site, before: Instant) {
    let overdue = site.watch().unchecked(before);
    if overdue.is_empty() {
        return;
    }
    tracing::error!(
        connections = overdue.len(),
        grace = ?site.watch().grace(),
        "logins could not be rechecked for longer than the grace, closing their connections"
    );
    revoke_all(overdue);
}

/// Checks the logins that were last checked before a time, and ends the connections of users who are
/// not logged in any more. Returns whether all of them could be checked.
async fn recheck(site: &Site, before: Instant) -> bool {
    let mut is_done = true;
    for sessions in chunks(site.watch().sessions(before)) {
        is_done &= check_sessions(site, &sessions).await;
    }
    for users in chunks(site.watch().users(before)) {
        is_done &= check_users(site, &users).await;
    }
    is_done
}

/// What is looked up together.
fn chunks<T>(all: HashMap<Box<str>, T>) -> impl Iterator<Item = Vec<(Box<str>, T)>> {
    let mut all = all.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<_> = all.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

async fn check_sessions(site: &Site, sessions: &[Group]) -> bool {
    let asked = Instant::now();
    let keys: Vec<_> = sessions.iter().map(|(key, _)| key.to_string()).collect();
    let store = &site.engine().store;
    let rows = each(&keys, |keys| store.load_many(keys)).await;
    let logins: HashMap<_, _> = rows
        .found
        .into_iter()
        .filter_map(|(key, text)| Some((key, Login::read(&site.engine().readable(&text)?)?)))
        .collect();
    let mut ids: Vec<_> = logins.values().map(|login| login.user_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let users = each(&ids, |ids| site.users().by_ids(ids)).await;
    let found: HashMap<_, _> = users
        .found
        .iter()
        .map(|user| (user.id.as_str(), user))
        .collect();
    let is_checked = |key: &str| {
        let login = logins.get(key);
        !rows.failed.contains(key)
            && !login.is_some_and(|login| users.failed.contains(&login.user_id))
    };
    let checked = sessions.iter().filter(|(key, _)| is_checked(key));
    settle(site, asked, checked, |key| {
        let login = logins.get(key)?;
        is_logged_in(site, login, &found)
    });
    rows.failed.is_empty() && users.failed.is_empty()
}

async fn check_users(site: &Site, users: &[Group]) -> bool {
    let asked = Instant::now();
    let ids: Vec<_> = users.iter().map(|(id, _)| id.to_string()).collect();
    let rows = each(&ids, |ids| site.users().by_ids(ids)).await;
    let active: HashMap<_, _> = rows
        .found
        .iter()
        .filter(|user| user.is_active)
        .map(|user| (user.id.as_str(), user.id.as_str()))
        .collect();
    let checked = users.iter().filter(|(id, _)| !rows.failed.contains(&**id));
    settle(site, asked, checked, |id| active.get(id).copied());
    rows.failed.is_empty()
}

/// Notes that logins were checked, and ends the connections whose user is another one, or none.
fn settle<'a, 'u>(
    site: &Site,
    asked: Instant,
    checked: impl Iterator<Item = &'a Group>,
    user_of: impl Fn(&str) -> Option<&'u str>,
) {
    let (mut confirmed, mut ended) = (Vec::new(), Vec::new());
    for (key, connections) in checked {
        let user = user_of(key);
        for logged in connections {
            if user == Some(&*logged.user) {
                confirmed.push(logged.number);
            } else {
                ended.extend(logged.connection.upgrade());
            }
        }
    }
    site.watch().confirm(&confirmed, asked);
    revoke_all(ended);
}

/// The user of a login that still counts.
fn is_logged_in<'a>(
    site: &Site,
    login: &Login,
    users: &HashMap<&'a str, &'a UserRecord>,
) -> Option<&'a str> {
    let user = users.get(login.user_id.as_str())?;
    let counts = user.is_active && site.knows(login) && site.verify(login, user) != AuthHash::No;
    counts.then_some(user.id.as_str())
}

/// What a store has found, and the keys for which it failed.
struct Answers<T> {
    found: Vec<T>,
    failed: HashSet<String>,
}

/// Asks for all keys together; if that fails because of one of them, for each alone.
async fn each<'a, T: Send + 'a>(
    keys: &'a [String],
    ask: impl Fn(&'a [String]) -> StoreFuture<'a, Vec<T>>,
) -> Answers<T> {
    let mut answers = Answers {
        found: Vec::new(),
        failed: HashSet::new(),
    };
    if keys.is_empty() {
        return answers;
    }
    let error = match answer(|| ask(keys)).await {
        Ok(found) => {
            answers.found = found;
            return answers;
        }
        Err(error) => error,
    };
    // A store that is unavailable is so for every key.
    if error.kind() == ErrorKind::Unavailable || keys.len() == 1 {
        log_failure(&error, keys.len());
        answers.failed.extend(keys.iter().cloned());
        return answers;
    }
    for key in keys {
        match answer(|| ask(std::slice::from_ref(key))).await {
            Ok(found) => answers.found.extend(found),
            Err(error) => {
                log_failure(&error, 1);
                answers.failed.insert(key.clone());
            }
        }
    }
    answers
}

/// Runs one query of a store, which may panic or never return.
async fn answer<'a, T: 'a>(ask: impl FnOnce() -> StoreFuture<'a, T>) -> Result<T> {
    let query = AssertUnwindSafe(async { ask().await }).catch_unwind();
    match tokio::time::timeout(QUERY, query).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) => Err(Error::unavailable("the store did not answer in time")),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let what = format!("the store panicked: {}", panic_message(panic));
    Error::new(ErrorKind::Other, what)
}

fn log_failure(error: &Error, logins: usize) {
    static FAILURES: LogLimit = LogLimit::new();
    if let Some(suppressed) = FAILURES.permit() {
        let source = error.source_text();
        tracing::warn!(
            %error,
            source,
            logins,
            suppressed,
            "cannot check whether users are still logged in, retrying"
        );
    }
}
