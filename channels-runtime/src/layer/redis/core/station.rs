//! A host, as this process sees it: how it is reached, and which members this process has there.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use redis::{FromRedisValue, Pipeline};
use tokio::sync::Notify;

use super::super::connection::Connection;
use super::super::hosts::Host;
use super::super::keys::Keys;
use super::memberships::{Membership, Memberships};
use super::rosters::Rosters;
use super::scripts::{SHOW_LIFE, STILL_SHOW_LIFE, Script};
use super::shared::{ALIVE, unix_time};
use crate::Result;

/// One at once, the others with the next signs of life.
const RENEWALS: u8 = 3;

/// How many memberships one write holds.
const BATCH: usize = 500;

/// How this process' queue is read.
#[derive(Default)]
struct Reading {
    server: String,
    /// Until when it was read at another one, if nobody was told.
    until: Option<SystemTime>,
}

pub(super) struct Station {
    pub(super) commands: Connection,
    pub(super) memberships: Memberships,
    pub(super) rosters: Arc<Rosters>,
    /// The reader has a new connection: Redis may have forgotten everything.
    connected: Notify,
    reading: Mutex<Reading>,
    /// How many times more all memberships have to be entered again, soon.
    renewals: AtomicU8,
    keys: Keys,
    /// For how many seconds a membership lasts.
    group_expiry: u64,
}

impl Station {
    pub(super) fn new(host: Host, patience: Duration, keys: Keys, group_expiry: u64) -> Self {
        let rosters = Arc::new(Rosters::new(group_expiry));
        let changed = {
            let rosters = Arc::clone(&rosters);
            Arc::new(move |key: Option<&[u8]>| rosters.forget(key))
        };
        Self {
            commands: Connection::tracking(host, patience, changed),
            memberships: Memberships::default(),
            rosters,
            connected: Notify::new(),
            reading: Mutex::default(),
            renewals: AtomicU8::new(0),
            keys,
            group_expiry,
        }
    }

    pub(super) fn host(&self) -> &Host {
        self.commands.host()
    }

    /// The queue is read at a server; until when it was at another one, if it was.
    pub(super) fn is_read_at(&self, server: &str, until: Option<SystemTime>) {
        let mut reading = self.reading();
        server.clone_into(&mut reading.server);
        reading.until = reading.until.or(until);
        drop(reading);
        self.connected.notify_one();
    }

    /// Since when something may have been missed, if that is over because the queue is read at this
    /// server: since the members were forgotten, or since it was read at another one before.
    pub(super) fn missed_since(
        &self,
        forgotten: Option<SystemTime>,
        server: &str,
    ) -> Option<SystemTime> {
        let mut reading = self.reading();
        if reading.server != server {
            return None;
        }
        forgotten.into_iter().chain(reading.until.take()).min()
    }

    /// No code panics while it holds this lock.
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the reader has a new connection. Cancel safe.
    pub(super) async fn connected(&self) {
        self.connected.notified().await;
    }

    /// Others have taken this process for dead, and take its members out. Some are slow, and do that
    /// after the first renewal.
    pub(super) fn renew_soon(&self) {
        self.renewals.store(RENEWALS, Ordering::Relaxed);
        self.connected.notify_one();
    }

    pub(super) fn has_to_renew(&self) -> bool {
        self.renewals.load(Ordering::Relaxed) > 0
    }

    /// Shows for a while that a process lives, by its key; tells to which server.
    pub(super) async fn show_life(&self, alive_key: &str) -> Result<String> {
        self.life(&SHOW_LIFE, alive_key).await
    }

    /// Shows it for a while longer. Tells whether this very Redis knew, and which it is; if not, it
    /// knows no more than before, so an answer that is lost loses nothing.
    pub(super) async fn still_shows_life(&self, alive_key: &str) -> Result<(bool, String)> {
        self.life(&STILL_SHOW_LIFE, alive_key).await
    }

    async fn life<T: FromRedisValue>(&self, script: &Script, alive_key: &str) -> Result<T> {
        script
            .run(&self.commands, &[alive_key], |command| {
                command.arg(ALIVE.as_secs());
            })
            .await
    }

    /// Makes somebody a member, who is renewed from then on if the channel is this process' own.
    ///
    /// Whether it fails or is dropped before its end: who is no member here is none in Redis, soon.
    pub(super) async fn join(&self, membership: Membership, is_own: bool) -> Result {
        if is_own {
            self.memberships.add(&membership);
        }
        let joined = self.enter(std::slice::from_ref(&membership)).await;
        if joined.is_err() {
            self.memberships.remove(&membership);
        }
        // It may have failed in Redis' eyes alone, or the channel is gone by now.
        if is_own && !self.memberships.has(&membership) {
            self.memberships.take_out_later(membership);
        }
        joined
    }

    /// Ends a membership; if that fails, a little later.
    pub(super) async fn leave(&self, membership: Membership) -> Result {
        self.memberships.remove(&membership);
        let left = self.take_out(std::slice::from_ref(&membership)).await;
        if left.is_err() {
            self.memberships.take_out_later(membership);
        }
        left
    }

    /// Enters all memberships again, with today's date.
    pub(super) async fn renew(&self) -> Result {
        for batch in self.memberships.all().chunks(BATCH) {
            self.enter(batch).await?;
            // Whoever has left meanwhile may have been taken out before.
            for membership in batch {
                if !self.memberships.has(membership) {
                    self.memberships.take_out_later(membership.clone());
                }
            }
        }
        let once_less = |renewals: u8| Some(renewals.saturating_sub(1));
        let _ = self
            .renewals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, once_less);
        Ok(())
    }

    /// Takes out who is gone.
    pub(super) async fn take_out_leaving(&self) -> Result {
        loop {
            let leaving = self.memberships.leaving(BATCH);
            if leaving.is_empty() {
                return Ok(());
            }
            self.take_out(&leaving).await?;
            let again = self.memberships.have_left(leaving);
            self.enter(&again).await?;
        }
    }

    pub(super) async fn take_out_all(&self) -> Result {
        self.take_out_leaving().await?;
        for batch in self.memberships.all().chunks(BATCH) {
            self.take_out(batch).await?;
        }
        Ok(())
    }

    /// `ZADD` and `EXPIRE`, as `channels_redis` does.
    async fn enter(&self, memberships: &[Membership]) -> Result {
        let now = unix_time().as_secs_f64();
        let expiry = i64::try_from(self.group_expiry).unwrap_or(i64::MAX);
        self.for_each(memberships, |commands, key, channel| {
            commands.zadd(key, channel, now).ignore();
            commands.expire(key, expiry).ignore();
        })
        .await
    }

    async fn take_out(&self, memberships: &[Membership]) -> Result {
        self.for_each(memberships, |commands, key, channel| {
            commands.zrem(key, channel).ignore();
        })
        .await
    }

    async fn for_each(
        &self,
        memberships: &[Membership],
        add: impl Fn(&mut Pipeline, &str, &str),
    ) -> Result {
        if memberships.is_empty() {
            return Ok(());
        }
        let mut commands = redis::pipe();
        for Membership { group, channel } in memberships {
            add(&mut commands, &self.keys.group(group), channel);
        }
        self.commands.run_all(&commands).await
    }
}
