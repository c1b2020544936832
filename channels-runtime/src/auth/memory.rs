//! Users in memory: for tests, and for programs that know theirs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::user::{UserRecord, UserStore};
use crate::session::StoreFuture;
use crate::{Error, ErrorKind, Result};

/// Users in the memory of this process. Clones are one store.
#[derive(Clone, Default)]
pub struct InMemoryUserStore(Arc<Mutex<Users>>);

#[derive(Default)]
struct Users {
    by_id: BTreeMap<u64, UserRecord>,
    last: u64,
}

impl InMemoryUserStore {
    fn users(&self) -> MutexGuard<'_, Users> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Users {
    fn get(&self, id: &str) -> Option<&UserRecord> {
        self.by_id.get(&id.parse().ok()?)
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut UserRecord> {
        self.by_id.get_mut(&id.parse().ok()?)
    }

    fn named(&self, username: &str) -> Option<&UserRecord> {
        self.by_id.values().find(|user| user.username == username)
    }

    fn create(&mut self, user: &UserRecord) -> Result<String> {
        if self.named(&user.username).is_some() {
            let what = format!("there is a user `{}` already", user.username);
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        self.last += 1;
        let id = self.last.to_string();
        let mut user = user.clone();
        user.id.clone_from(&id);
        self.by_id.insert(self.last, user);
        Ok(id)
    }

    fn set_password(&mut self, id: &str, old: &str, new: &str) -> bool {
        match self.get_mut(id) {
            Some(user) if user.password == old => {
                new.clone_into(&mut user.password);
                true
            }
            _ => false,
        }
    }
}

impl UserStore for InMemoryUserStore {
    fn by_id<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        Box::pin(async move { Ok(self.users().get(id).cloned()) })
    }

    fn by_username<'a>(&'a self, username: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        Box::pin(async move { Ok(self.users().named(username).cloned()) })
    }

    fn create_user<'a>(&'a self, user: &'a UserRecord) -> StoreFuture<'a, String> {
        Box::pin(async move { self.users().create(user) })
    }

    fn set_password<'a>(
        &'a self,
        id: &'a str,
        old: &'a str,
        new: &'a str,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { Ok(self.users().set_password(id, old, new)) })
    }

    fn set_last_login<'a>(&'a self, id: &'a str, when: SystemTime) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if let Some(user) = self.users().get_mut(id) {
                user.last_login = Some(when);
            }
            Ok(())
        })
    }
}

impl fmt::Debug for InMemoryUserStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryUserStore").finish_non_exhaustive()
    }
}
