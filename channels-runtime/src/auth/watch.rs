//! The connections of this process behind which somebody is logged in.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::outbox::Outboxes;
use super::recheck;
use super::revoked::{Revoked, Subject, digest};
use super::site::Site;
use super::subscription::Subscriptions;
use crate::log::LogLimit;
use crate::supervise::{isolate, supervise};

/// How long a login's end is remembered, for connections that were being looked up meanwhile, and
/// how many of them.
const REMEMBERED: Duration = Duration::from_secs(30);
const MOST_REMEMBERED: usize = 10_000;

/// Shortest default time that a login stays open while the stores cannot confirm it: a database that
/// restarts must not close connections.
const SHORTEST_GRACE: Duration = Duration::from_secs(5 * 60);

/// How long a pass over all logins may take, at least, before a login that it has not reached yet counts
/// as unconfirmed. It applies where the site has set a shorter grace.
const TURN: Duration = Duration::from_secs(60);

/// A connection that can be ended because its login has.
pub(crate) trait Revocable: Send + Sync {
    /// Ends the connection. Called from anywhere; never waits.
    fn revoke(&self);
}

/// Who is logged in behind the connections of this process.
pub(super) struct Watch {
    /// How often the stores are asked; never, unless the site says so.
    interval: Option<Duration>,
    /// How long a login may stay open that the stores cannot confirm.
    grace: Option<Duration>,
    state: Mutex<State>,
    /// The channels that receive the revocations of other servers.
    pub(super) subscriptions: Subscriptions,
    /// The revocations that are to be sent to other servers.
    pub(super) outboxes: Outboxes,
    /// Bounds the log lines about stores that fail at a recheck.
    failures: LogLimit,
}

#[derive(Default)]
struct State {
    entries: HashMap<u64, Entry>,
    /// The entries by whose they are.
    index: BTreeSet<(Subject, u64)>,
    next: u64,
    /// The logins that have ended lately.
    ended: VecDeque<(Instant, Subject)>,
    /// Whether somebody looks after the entries that end by themselves.
    is_swept: bool,
}

/// A connection and its login.
pub(super) struct Entry {
    pub(super) user: Box<str>,
    /// The key of the session, where it is one that says who is there.
    pub(super) session: Option<Box<str>>,
    /// Whether the site has said who the user is.
    pub(super) is_of_site: bool,
    /// Until when it may go on: a token's end.
    pub(super) until: Option<SystemTime>,
    /// When the stores last confirmed the login.
    pub(super) checked: Instant,
    /// Why the login may have ended since then.
    pub(super) doubt: Doubt,
    pub(super) connection: Weak<dyn Revocable>,
}

/// Why a login may have ended unnoticed.
#[derive(Default)]
pub(super) struct Doubt {
    /// Since when a revocation may have been missed.
    gap: Option<Instant>,
    /// Whether a store failed when it was asked.
    has_failed: bool,
    /// Whether the connection was closed for this reason.
    is_over: bool,
}

/// An entry's place; dropping it takes the entry out.
pub(super) struct Watched {
    number: u64,
    watch: Arc<Watch>,
}

impl Watch {
    /// A watch that asks the stores in an interval, and closes what they cannot confirm for `grace`.
    pub(super) fn new(interval: Option<Duration>, grace: Option<Duration>) -> Self {
        Self {
            interval,
            grace,
            state: Mutex::default(),
            subscriptions: Subscriptions::default(),
            outboxes: Outboxes::default(),
            failures: LogLimit::new(),
        }
    }

    pub(super) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    pub(super) fn failures(&self) -> &LogLimit {
        &self.failures
    }

    /// The grace that the site has set.
    pub(super) fn own_grace(&self) -> Option<Duration> {
        self.grace
    }

    /// How long a login may stay open that the stores cannot confirm.
    pub(super) fn grace(&self) -> Duration {
        self.grace.unwrap_or_else(|| {
            let intervals = self.interval.unwrap_or_default().saturating_mul(10);
            intervals.max(SHORTEST_GRACE)
        })
    }

    /// Watches over a connection of a site, whose user was looked up at a time. What has ended since
    /// is noticed as well.
    pub(super) fn enter(self: &Arc<Self>, site: &Site, entry: Entry, since: Instant) -> Watched {
        let ends_by_itself = self.interval.is_some() || entry.until.is_some();
        let mut state = self.state();
        let has_ended = state.has_ended(&entry, since);
        // Whatever ends a connection is done without the lock.
        let connection = has_ended.then(|| Weak::clone(&entry.connection));
        let number = state.next;
        state.next += 1;
        for subject in entry.subjects() {
            state.index.insert((subject, number));
        }
        state.entries.insert(number, entry);
        let starts_sweep = ends_by_itself && !state.is_swept;
        state.is_swept |= starts_sweep;
        drop(state);
        if let Some(connection) = connection.and_then(|connection| connection.upgrade()) {
            connection.revoke();
        }
        if starts_sweep {
            let (site, interval) = (site.downgrade(), self.interval);
            tokio::spawn(supervise("login sweep", move || {
                recheck::sweep(site.clone(), interval)
            }));
        }
        Watched {
            number,
            watch: Arc::clone(self),
        }
    }

    /// Whether no connection is watched.
    pub(super) fn is_empty(&self) -> bool {
        self.state().entries.is_empty()
    }

    /// Ends the connections whose login has ended.
    pub(super) fn revoke(&self, revoked: &Revoked) {
        let Revoked(subject) = revoked;
        let range = (subject.clone(), 0)..=(subject.clone(), u64::MAX);
        let mut state = self.state();
        state.remember(subject);
        let numbers = state.index.range(range).map(|(_, number)| *number);
        let connections: Vec<_> = numbers
            .filter_map(|number| state.entries.get(&number)?.connection.upgrade())
            .collect();
        drop(state);
        revoke_all(connections);
    }

    /// Ends the connections whose time is up, and tells whether any are left that will be.
    pub(super) fn expire(&self, now: SystemTime) -> bool {
        let is_over = |entry: &Entry| entry.until.is_some_and(|until| until <= now);
        let mut state = self.state();
        let over: Vec<_> = state
            .entries
            .values()
            .filter(|entry| is_over(entry))
            .filter_map(|entry| entry.connection.upgrade())
            .collect();
        state.is_swept = state
            .entries
            .values()
            .any(|entry| self.interval.is_some() || entry.until.is_some());
        let goes_on = state.is_swept;
        drop(state);
        revoke_all(over);
        goes_on
    }

    /// The sessions of connections that were last checked before a time, and their users.
    pub(super) fn sessions(&self, before: Instant) -> HashMap<Box<str>, Vec<Logged>> {
        self.logged_by(before, Entry::session)
    }

    /// The users of the site who came without a session and were last checked before a time, and their
    /// connections.
    pub(super) fn users(&self, before: Instant) -> HashMap<Box<str>, Vec<Logged>> {
        self.logged_by(before, Entry::user_without_session)
    }

    /// The connections that the stores could not confirm for the grace, each of them once.
    pub(super) fn overdue(&self, now: Instant) -> Vec<Arc<dyn Revocable>> {
        let mut state = self.state();
        let mut overdue = Vec::new();
        for entry in state.entries.values_mut() {
            if !entry.doubt.is_over && entry.is_asked() && self.is_overdue(entry, now) {
                entry.doubt.is_over = true;
                overdue.extend(entry.connection.upgrade());
            }
        }
        overdue
    }

    fn is_overdue(&self, entry: &Entry, now: Instant) -> bool {
        // A login that the pass has not reached yet may only wait for the queries of others.
        let (grace, turn) = if entry.doubt.has_failed {
            (self.grace(), Duration::ZERO)
        } else {
            (self.grace().max(TURN), self.interval.unwrap_or_default())
        };
        let is_over = |since: Instant, longest| now.saturating_duration_since(since) >= longest;
        (self.interval.is_some() && is_over(entry.checked, grace.saturating_add(turn)))
            || entry.doubt.gap.is_some_and(|gap| is_over(gap, grace))
    }

    /// Notes a time until which revocations may have been missed.
    pub(super) fn question(&self, gap: Instant) {
        for entry in self.state().entries.values_mut() {
            if entry.checked <= gap {
                entry.doubt.gap.get_or_insert(gap);
            }
        }
    }

    /// Notes that the stores confirmed logins.
    pub(super) fn confirm(&self, numbers: &[u64], at: Instant) {
        let mut state = self.state();
        for number in numbers {
            if let Some(entry) = state.entries.get_mut(number) {
                entry.checked = entry.checked.max(at);
                entry.doubt.has_failed = false;
                entry.doubt.gap.take_if(|gap| *gap <= at);
            }
        }
    }

    /// Notes that the stores failed for logins.
    pub(super) fn fail(&self, numbers: &[u64]) {
        let mut state = self.state();
        for number in numbers {
            if let Some(entry) = state.entries.get_mut(number) {
                entry.doubt.has_failed = true;
            }
        }
    }

    fn logged_by(
        &self,
        before: Instant,
        key: impl Fn(&Entry) -> Option<&str>,
    ) -> HashMap<Box<str>, Vec<Logged>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for (number, entry) in &self.state().entries {
            if entry.checked <= before
                && let Some(key) = key(entry)
            {
                let logged = Logged {
                    number: *number,
                    user: entry.user.clone(),
                    connection: Weak::clone(&entry.connection),
                };
                found.entry(key.into()).or_default().push(logged);
            }
        }
        found
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, subject: &Subject) {
        let now = Instant::now();
        let is_old = |ended: &(Instant, Subject)| now.duration_since(ended.0) > REMEMBERED;
        while self.ended.front().is_some_and(is_old) || self.ended.len() >= MOST_REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((now, subject.clone()));
    }

    fn has_ended(&self, entry: &Entry, since: Instant) -> bool {
        let mut later = self.ended.iter().rev().take_while(|ended| ended.0 >= since);
        later.any(|(_, ended)| entry.subjects().any(|subject| subject == *ended))
    }
}

/// Ends connections. One whose end panics does not keep the others open.
pub(super) fn revoke_all(connections: Vec<Arc<dyn Revocable>>) {
    for connection in connections {
        isolate("the end of a connection", || connection.revoke());
    }
}

/// A connection, and the user who was there when it was looked up.
pub(super) struct Logged {
    pub(super) number: u64,
    pub(super) user: Box<str>,
    pub(super) connection: Weak<dyn Revocable>,
}

impl Entry {
    /// Whether the stores can say something of it.
    fn is_asked(&self) -> bool {
        self.session().is_some() || self.user_without_session().is_some()
    }

    fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The user, where the site has found it and no session can end.
    fn user_without_session(&self) -> Option<&str> {
        (self.is_of_site && self.session.is_none()).then_some(&*self.user)
    }

    fn subjects(&self) -> impl Iterator<Item = Subject> {
        let session = self.session.as_deref();
        let session = session.map(|key| Subject::Session(digest(key)));
        [Subject::User(self.user.clone())]
            .into_iter()
            .chain(session)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut state = self.watch.state();
        let Some(entry) = state.entries.remove(&self.number) else {
            return;
        };
        for subject in entry.subjects() {
            state.index.remove(&(subject, self.number));
        }
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("entries", &self.state().entries.len())
            .finish_non_exhaustive()
    }
}
