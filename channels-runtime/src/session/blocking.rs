//! A session, as plain `fn` handlers see it.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::{Session, SessionExpiry};
use crate::Result;

/// A client's [`Session`] in the hands of plain `fn` handlers, which may block.
#[derive(Clone, Debug)]
pub struct BlockingSession(Session);

impl BlockingSession {
    pub(crate) fn new(session: &Session) -> Self {
        Self(session.clone())
    }

    /// The value under a name.
    ///
    /// # Errors
    ///
    /// As [`Session::get`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        wait(self.0.get(name))
    }

    /// Whether there is a value under a name.
    ///
    /// # Errors
    ///
    /// As [`Session::contains`].
    pub fn contains(&self, name: &str) -> Result<bool> {
        wait(self.0.contains(name))
    }

    /// The names, in the order in which they were first set.
    ///
    /// # Errors
    ///
    /// As [`Session::names`].
    pub fn names(&self) -> Result<Vec<String>> {
        wait(self.0.names())
    }

    /// Sets the value under a name.
    ///
    /// # Errors
    ///
    /// As [`Session::insert`].
    pub fn insert(&self, name: &str, value: &(impl Serialize + ?Sized + Sync)) -> Result {
        wait(self.0.insert(name, value))
    }

    /// Removes the value under a name, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// As [`Session::remove`].
    pub fn remove(&self, name: &str) -> Result<bool> {
        wait(self.0.remove(name))
    }

    /// Sets when the session is to end.
    ///
    /// # Errors
    ///
    /// As [`Session::set_expiry`].
    pub fn set_expiry(&self, expiry: SessionExpiry) -> Result {
        wait(self.0.set_expiry(expiry))
    }

    /// The key under which the session is kept.
    ///
    /// # Errors
    ///
    /// As [`Session::key`].
    pub fn key(&self) -> Result<Option<String>> {
        wait(self.0.key())
    }

    /// Moves the session to a new key.
    ///
    /// # Errors
    ///
    /// As [`Session::cycle_key`].
    pub fn cycle_key(&self) -> Result {
        wait(self.0.cycle_key())
    }

    /// Forgets everything, and ends the session in the store.
    ///
    /// # Errors
    ///
    /// As [`Session::flush`].
    pub fn flush(&self) -> Result {
        wait(self.0.flush())
    }

    /// Saves what was changed, now.
    ///
    /// # Errors
    ///
    /// As [`Session::save`].
    pub fn save(&self) -> Result {
        wait(self.0.save())
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    Handle::current().block_on(future)
}
