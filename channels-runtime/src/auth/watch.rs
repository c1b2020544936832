//! The connections of this process behind which somebody is logged in.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::recheck;
use super::revoked::{REVOKED, Revoked, Subject, digest};
use super::site::{Site, WeakSite};
use crate::layer::{Channel, ChannelLayer, Delivered, Receiver};
use crate::{Event, GroupName, Result};

/// How long a login's end is remembered, for connections that were being looked up meanwhile, and
/// how many of them.
const REMEMBERED: Duration = Duration::from_secs(30);
const MOST_REMEMBERED: usize = 10_000;

/// A connection that can be ended because its login has.
pub(crate) trait Revocable: Send + Sync {
    /// Ends the connection. Called from anywhere; never waits.
    fn revoke(&self);
}

/// Who is logged in behind the connections of this process.
pub(super) struct Watch {
    /// How often the stores are asked; never, unless the site says so.
    interval: Option<Duration>,
    state: Mutex<State>,
    /// The channels in which this process hears of logins that end elsewhere, one for each layer.
    ears: tokio::sync::Mutex<Vec<(Arc<dyn ChannelLayer>, Channel)>>,
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
    pub(super) connection: Weak<dyn Revocable>,
}

/// An entry's place; dropping it takes the entry out.
pub(super) struct Watched {
    number: u64,
    watch: Arc<Watch>,
}

impl Watch {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            state: Mutex::default(),
            ears: tokio::sync::Mutex::default(),
        }
    }

    /// Watches over a connection of a site, whose user was looked up at a time. What has ended since
    /// is noticed as well.
    pub(super) fn enter(self: &Arc<Self>, site: &Site, entry: Entry, since: Instant) -> Watched {
        let ends_by_itself = self.interval.is_some() || entry.until.is_some();
        let mut state = self.state();
        if state.has_ended(&entry, since)
            && let Some(connection) = entry.connection.upgrade()
        {
            connection.revoke();
        }
        let number = state.next;
        state.next += 1;
        for subject in entry.subjects() {
            state.index.insert((subject, number));
        }
        state.entries.insert(number, entry);
        if ends_by_itself && !state.is_swept {
            state.is_swept = true;
            tokio::spawn(recheck::sweep(site.downgrade(), self.interval));
        }
        Watched {
            number,
            watch: Arc::clone(self),
        }
    }

    /// Listens to a layer for logins of a site that end on other servers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer).
    pub(super) async fn listen(
        self: &Arc<Self>,
        site: &Site,
        layer: &Arc<dyn ChannelLayer>,
    ) -> Result {
        let mut ears = self.ears.lock().await;
        if ears.iter().any(|(known, _)| Arc::ptr_eq(known, layer)) {
            return Ok(());
        }
        let ear = Arc::new(Ear {
            watch: Arc::downgrade(self),
            site: site.downgrade(),
            runtime: Handle::current(),
            gaps: Arc::default(),
        });
        let channel = layer.new_channel(ear).await?;
        layer.group_add(GroupName::REVOKED, channel.name()).await?;
        ears.push((Arc::clone(layer), channel));
        Ok(())
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
        for connection in connections {
            connection.revoke();
        }
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
        for connection in over {
            connection.revoke();
        }
        goes_on
    }

    /// The sessions behind connections, and whose they are.
    pub(super) fn sessions(&self) -> HashMap<Box<str>, Vec<Logged>> {
        self.logged_by(|entry| entry.session.as_deref())
    }

    /// The users of the site who are there without a session, and their connections.
    pub(super) fn users(&self) -> HashMap<Box<str>, Vec<Logged>> {
        self.logged_by(|entry| {
            let is_asked = entry.is_of_site && entry.session.is_none();
            is_asked.then_some(&*entry.user)
        })
    }

    fn logged_by(&self, key: impl Fn(&Entry) -> Option<&str>) -> HashMap<Box<str>, Vec<Logged>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for entry in self.state().entries.values() {
            if let Some(key) = key(entry) {
                let logged = Logged {
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

/// A connection, and the user who was there when it was looked up.
pub(super) struct Logged {
    pub(super) user: Box<str>,
    pub(super) connection: Weak<dyn Revocable>,
}

impl Entry {
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

/// Hears of logins that end on other servers.
struct Ear {
    watch: Weak<Watch>,
    site: WeakSite,
    runtime: Handle,
    /// How often something may not have been heard, since the stores were last asked.
    gaps: Arc<AtomicUsize>,
}

impl Ear {
    /// Asks the stores what was not heard, unless somebody is there who does.
    fn catch_up(&self) {
        if self.gaps.fetch_add(1, Ordering::Relaxed) == 0 {
            let (site, gaps) = (self.site.clone(), Arc::clone(&self.gaps));
            self.runtime.spawn(recheck::catch_up(site, gaps));
        }
    }
}

impl Receiver for Ear {
    fn deliver(&self, event: &Event) -> Delivered {
        if event.is_gap() {
            self.catch_up();
            return Delivered::Queued;
        }
        // Its channel can be addressed by anybody who guesses the name.
        if !event.event_type().is_internal() || event.event_type().as_str() != REVOKED {
            return Delivered::Closed;
        }
        match (self.watch.upgrade(), Revoked::from_event(event)) {
            (Some(watch), Some(revoked)) => watch.revoke(&revoked),
            (Some(_), None) => tracing::warn!("an event in `{REVOKED}` is not readable"),
            (None, _) => {}
        }
        Delivered::Queued
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new(None)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("entries", &self.state().entries.len())
            .finish_non_exhaustive()
    }
}
