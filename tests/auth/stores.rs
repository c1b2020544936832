//! Stores that tell what they are asked, and can be down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use channels::{Error, SessionStore, StoreFuture, UserRecord, UserStore};

#[derive(Clone, Debug)]
pub(crate) struct Watched<S> {
    store: S,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    queries: AtomicUsize,
    down: AtomicBool,
    /// The users, or keys of sessions, for whom every question panics.
    broken: Mutex<Vec<String>>,
    hangs: AtomicBool,
    /// The users for whom no question is answered.
    stuck: Mutex<Vec<String>>,
    /// The users for whom every question fails.
    refused: Mutex<Vec<String>>,
    /// How long each question about one user takes.
    delay: OnceLock<Duration>,
    /// A user who is not active any more, as a Django site would say it.
    banned: OnceLock<String>,
}

impl<S> Watched<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            state: Arc::default(),
        }
    }

    pub(crate) fn take_queries(&self) -> usize {
        self.state.queries.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.state.down.store(down, Ordering::Relaxed);
    }

    pub(crate) fn ban(&self, id: &str) {
        self.state.banned.set(id.to_owned()).expect("one ban");
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.state.delay.set(delay).expect("one delay");
    }

    /// Panics from now on when it is asked for one of these users.
    pub(crate) fn break_for(&self, ids: &[&str]) {
        note(&self.state.broken, ids);
    }

    /// Answers no question about one of these users from now on.
    pub(crate) fn hang_for(&self, ids: &[&str]) {
        note(&self.state.stuck, ids);
    }

    /// Is unavailable from now on when it is asked for one of these users.
    pub(crate) fn refuse_for(&self, ids: &[&str]) {
        note(&self.state.refused, ids);
    }

    /// Answers no question about several users from now on.
    pub(crate) fn hang(&self) {
        self.state.hangs.store(true, Ordering::Relaxed);
    }

    async fn fail_for(&self, ids: &[String]) -> Result<(), Error> {
        assert!(!has_one(&self.state.broken, ids), "broken for a test");
        if self.state.hangs.load(Ordering::Relaxed) || has_one(&self.state.stuck, ids) {
            std::future::pending::<()>().await;
        }
        if has_one(&self.state.refused, ids) {
            return Err(Error::unavailable("refused for a test"));
        }
        Ok(())
    }

    fn ask<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce(&'a S) -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        self.state.queries.fetch_add(1, Ordering::Relaxed);
        if self.state.down.load(Ordering::Relaxed) {
            let down = Error::unavailable("down for a test");
            return Box::pin(async { Err(down) });
        }
        answer(&self.store)
    }
}

fn note(list: &Mutex<Vec<String>>, ids: &[&str]) {
    let mut list = list.lock().expect("no test panics here");
    *list = ids.iter().map(|&id| id.to_owned()).collect();
}

fn has_one(list: &Mutex<Vec<String>>, ids: &[String]) -> bool {
    let list = list.lock().expect("no test panics here");
    ids.iter().any(|id| list.contains(id))
}

impl<S: SessionStore> SessionStore for Watched<S> {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>> {
        self.ask(|store| store.load(key))
    }

    fn load_many<'a>(&'a self, keys: &'a [String]) -> StoreFuture<'a, Vec<(String, String)>> {
        let sessions = self.ask(|store| store.load_many(keys));
        Box::pin(async {
            self.fail_for(keys).await?;
            sessions.await
        })
    }

    fn create<'a>(&'a self, text: &'a str, expires: SystemTime) -> StoreFuture<'a, String> {
        self.ask(|store| store.create(text, expires))
    }

    fn save<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        expires: SystemTime,
    ) -> StoreFuture<'a, Option<String>> {
        self.ask(|store| store.save(key, text, expires))
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        self.ask(|store| store.delete(key))
    }

    fn clear_expired(&self) -> StoreFuture<'_, u64> {
        self.ask(SessionStore::clear_expired)
    }
}

impl<S: UserStore> UserStore for Watched<S> {
    fn by_id<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        let user = self.ask(|store| store.by_id(id));
        Box::pin(async {
            if let Some(delay) = self.state.delay.get() {
                tokio::time::sleep(*delay).await;
            }
            user.await
        })
    }

    fn by_ids<'a>(&'a self, ids: &'a [String]) -> StoreFuture<'a, Vec<UserRecord>> {
        let users = self.ask(|store| store.by_ids(ids));
        Box::pin(async {
            self.fail_for(ids).await?;
            let mut users = users.await?;
            for user in &mut users {
                user.is_active &= self.state.banned.get() != Some(&user.id);
            }
            Ok(users)
        })
    }

    fn by_username<'a>(&'a self, username: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        self.ask(|store| store.by_username(username))
    }

    fn create_user<'a>(&'a self, user: &'a UserRecord) -> StoreFuture<'a, String> {
        self.ask(|store| store.create_user(user))
    }

    fn set_password<'a>(
        &'a self,
        id: &'a str,
        old: &'a str,
        new: &'a str,
    ) -> StoreFuture<'a, bool> {
        self.ask(|store| store.set_password(id, old, new))
    }

    fn set_last_login<'a>(&'a self, id: &'a str, when: SystemTime) -> StoreFuture<'a, ()> {
        self.ask(|store| store.set_last_login(id, when))
    }
}
