//! Asks the stores again whether the users of open connections are still logged in.
//!
//! Stores are user code: a query may fail, panic or never return. If a query for many logins fails, each
//! of them gets a separate query ([`query`](super::query)), so that one row neither keeps the logins of
//! others open nor closes them. The connection of a login that could not be checked for a whole
//! [grace](super::watch::Watch::grace) is closed, however long the queries for other logins take.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::hash::AuthHash;
use super::login::Login;
use super::query::{Keys, Suspects, each};
use super::site::{Site, WeakSite};
use super::user::UserRecord;
use super::watch::{Logged, revoke_all};
use crate::Error;

/// How exactly the end of a token, and of a grace, is kept to.
const TICK: Duration = Duration::from_secs(1);

/// Pause before a failed recheck after a gap is retried.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// How many sessions, or users, are looked up together.
const CHUNK: usize = 500;

/// A session key or a user's primary key, and the connections that it stands for.
type Group = (Box<str>, Vec<Logged>);

/// The keys for which the stores failed when they were last asked.
#[derive(Default)]
struct Failing {
    sessions: Suspects,
    users: Suspects,
}

/// Closes the connections whose login ends, for as long as there are any that end without an event.
pub(super) async fn sweep(site: WeakSite, interval: Option<Duration>) {
    // Separate loops: a store that never answers must not keep ended tokens open, nor logins that it
    // cannot confirm.
    tokio::select! {
        () = expire_tokens(&site, interval) => {}
        () = recheck_every(&site, interval) => {}
        () = close_overdue(&site, interval) => {}
    }
}

/// Closes connections whose token has ended. Returns when no connection is left to look after.
async fn expire_tokens(site: &WeakSite, interval: Option<Duration>) {
    loop {
        tokio::time::sleep(tick(interval)).await;
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
    let mut failing = Failing::default();
    loop {
        tokio::time::sleep(interval).await;
        let Some(site) = site.upgrade() else { return };
        recheck(&site, Instant::now(), &mut failing).await;
    }
}

/// Closes connections whose logins could not be checked for the grace, for ever.
async fn close_overdue(site: &WeakSite, interval: Option<Duration>) {
    loop {
        tokio::time::sleep(tick(interval)).await;
        let Some(site) = site.upgrade() else { return };
        let overdue = site.watch().overdue(Instant::now());
        if overdue.is_empty() {
            continue;
        }
        tracing::error!(
            connections = overdue.len(),
            grace = ?site.watch().grace(),
            "logins could not be rechecked for longer than the grace, closing their connections"
        );
        revoke_all(overdue);
    }
}

fn tick(interval: Option<Duration>) -> Duration {
    interval.map_or(TICK, |interval| interval.min(TICK))
}

/// Checks all logins after a gap of a layer, until each of them was checked after the last gap.
pub(super) async fn catch_up(site: WeakSite, gaps: Arc<AtomicUsize>) {
    tokio::select! {
        () = recheck_after_gaps(&site, &gaps) => {}
        () = close_overdue(&site, None) => {}
    }
}

async fn recheck_after_gaps(site: &WeakSite, gaps: &AtomicUsize) {
    let mut seen = gaps.load(Ordering::Acquire);
    let mut gap = Instant::now();
    let mut failing = Failing::default();
    while let Some(site) = site.upgrade() {
        site.watch().question(gap);
        let is_done = recheck(&site, gap, &mut failing).await;
        if is_done {
            match gaps.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire) {
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

/// Checks the logins that were last checked before a time, and ends the connections of users who are
/// not logged in any more. Returns whether all of them could be checked.
async fn recheck(site: &Site, before: Instant, failing: &mut Failing) -> bool {
    let mut is_done = true;
    for sessions in chunks(site.watch().sessions(before)) {
        is_done &= check_sessions(site, &sessions, failing).await;
    }
    for users in chunks(site.watch().users(before)) {
        is_done &= check_users(site, &users, failing).await;
    }
    failing.sessions.end_pass();
    failing.users.end_pass();
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

async fn check_sessions(site: &Site, sessions: &[Group], failing: &mut Failing) -> bool {
    let asked = Instant::now();
    let keys = sessions.iter().map(|(key, _)| key.to_string()).collect();
    let keys = Keys::new(keys, &failing.sessions);
    let store = &site.engine().store;
    let rows = each(&keys, &mut failing.sessions, |keys| store.load_many(keys)).await;
    let logins: HashMap<_, _> = rows
        .found
        .into_iter()
        .filter_map(|(key, text)| Some((key, Login::read(&site.engine().readable(&text)?)?)))
        .collect();
    let mut ids: Vec<_> = logins.values().map(|login| login.user_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let ids = Keys::new(ids, &failing.users);
    let users = each(&ids, &mut failing.users, |ids| site.users().by_ids(ids)).await;
    let found: HashMap<_, _> = users
        .found
        .iter()
        .map(|user| (user.id.as_str(), user))
        .collect();
    let has_failed = |key: &str| {
        let login = logins.get(key);
        rows.failed.contains(key)
            || login.is_some_and(|login| users.failed.contains(&login.user_id))
    };
    settle(site, asked, sessions, has_failed, |key| {
        let login = logins.get(key)?;
        is_logged_in(site, login, &found)
    });
    log_failure(site, rows.error.as_ref(), rows.failed.len());
    log_failure(site, users.error.as_ref(), users.failed.len());
    rows.failed.is_empty() && users.failed.is_empty()
}

async fn check_users(site: &Site, users: &[Group], failing: &mut Failing) -> bool {
    let asked = Instant::now();
    let ids = users.iter().map(|(id, _)| id.to_string()).collect();
    let ids = Keys::new(ids, &failing.users);
    let rows = each(&ids, &mut failing.users, |ids| site.users().by_ids(ids)).await;
    let active: HashMap<_, _> = rows
        .found
        .iter()
        .filter(|user| user.is_active)
        .map(|user| (user.id.as_str(), user.id.as_str()))
        .collect();
    let has_failed = |id: &str| rows.failed.contains(id);
    settle(site, asked, users, has_failed, |id| active.get(id).copied());
    log_failure(site, rows.error.as_ref(), rows.failed.len());
    rows.failed.is_empty()
}

/// Logs one line for all logins of a query: a store that fails would cause one for each.
fn log_failure(site: &Site, error: Option<&Error>, logins: usize) {
    let Some(error) = error else { return };
    if let Some(suppressed) = site.watch().failures().permit() {
        let (error, source) = error.excerpts();
        tracing::warn!(
            error,
            source,
            logins,
            suppressed,
            "cannot check whether users are still logged in, retrying"
        );
    }
}

/// Notes which logins were checked and for which the stores failed, and ends the connections whose user
/// is another one, or none.
fn settle<'u>(
    site: &Site,
    asked: Instant,
    groups: &[Group],
    has_failed: impl Fn(&str) -> bool,
    user_of: impl Fn(&str) -> Option<&'u str>,
) {
    let (mut confirmed, mut failed, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for (key, connections) in groups {
        if has_failed(key) {
            failed.extend(connections.iter().map(|logged| logged.number));
            continue;
        }
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
    site.watch().fail(&failed);
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
