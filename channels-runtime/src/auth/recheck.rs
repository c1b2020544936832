//! Asking the stores again whether those behind open connections are still logged in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::hash::AuthHash;
use super::login::Login;
use super::site::{Site, WeakSite};
use super::user::UserRecord;
use super::watch::Logged;
use crate::Result;

/// How exactly a token's end is kept to.
const TICK: Duration = Duration::from_secs(1);

/// After this time stores that gave no answer are asked again what was missed.
const RETRY: Duration = Duration::from_secs(1);

/// How many sessions, or users, are looked up together.
const CHUNK: usize = 500;

/// Looks after connections that end by themselves, for as long as there are any.
pub(super) async fn sweep(site: WeakSite, interval: Option<Duration>) {
    let tick = interval.map_or(TICK, |interval| interval.min(TICK));
    let mut checked = Instant::now();
    loop {
        tokio::time::sleep(tick).await;
        let Some(site) = site.upgrade() else { return };
        if !site.watch().expire(SystemTime::now()) {
            return;
        }
        if interval.is_some_and(|interval| checked.elapsed() >= interval) {
            if let Err(error) = recheck(&site).await {
                tracing::warn!(%error, "cannot tell who is still logged in; asking again later");
            }
            checked = Instant::now();
        }
    }
}

/// Asks what may have ended while a layer heard nothing, until there is an answer that is newer than
/// the last gap.
pub(super) async fn catch_up(site: WeakSite, gaps: Arc<AtomicUsize>) {
    while let Some(site) = site.upgrade() {
        let seen = gaps.load(Ordering::Relaxed);
        match recheck(&site).await {
            Ok(()) => {
                let settled = gaps.compare_exchange(seen, 0, Ordering::Relaxed, Ordering::Relaxed);
                if settled.is_ok() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot tell whose logout was missed; asking again later");
                drop(site);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Ends the connections of those who are not logged in any more.
async fn recheck(site: &Site) -> Result {
    for sessions in chunks(site.watch().sessions()) {
        check_sessions(site, sessions).await?;
    }
    for users in chunks(site.watch().users()) {
        check_users(site, users).await?;
    }
    Ok(())
}

/// What is looked up together.
fn chunks<T>(all: HashMap<Box<str>, T>) -> impl Iterator<Item = Vec<(Box<str>, T)>> {
    let mut all = all.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<_> = all.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

async fn check_sessions(site: &Site, sessions: Vec<(Box<str>, Vec<Logged>)>) -> Result {
    let keys: Vec<_> = sessions.iter().map(|(key, _)| key.to_string()).collect();
    let rows = site.engine().store.load_many(&keys).await?;
    let logins: HashMap<_, _> = rows
        .into_iter()
        .filter_map(|(key, text)| Some((key, Login::read(&site.engine().decode(&text))?)))
        .collect();
    let mut ids: Vec<_> = logins.values().map(|login| login.user_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let users = site.users().by_ids(&ids).await?;
    let users: HashMap<_, _> = users.iter().map(|user| (user.id.as_str(), user)).collect();
    for (key, connections) in sessions {
        let login = logins.get(&*key);
        let user = login.and_then(|login| is_logged_in(site, login, &users));
        for Logged { connection, .. } in connections
            .iter()
            .filter(|logged| user != Some(&*logged.user))
        {
            if let Some(connection) = connection.upgrade() {
                connection.revoke();
            }
        }
    }
    Ok(())
}

async fn check_users(site: &Site, users: Vec<(Box<str>, Vec<Logged>)>) -> Result {
    let ids: Vec<_> = users.iter().map(|(id, _)| id.to_string()).collect();
    let found = site.users().by_ids(&ids).await?;
    let active: HashSet<_> = found
        .iter()
        .filter(|user| user.is_active)
        .map(|user| user.id.as_str())
        .collect();
    let gone = users.iter().filter(|(id, _)| !active.contains(&**id));
    for Logged { connection, .. } in gone.flat_map(|(_, connections)| connections) {
        if let Some(connection) = connection.upgrade() {
            connection.revoke();
        }
    }
    Ok(())
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
