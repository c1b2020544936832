//! The groups that this process sends to, as it has read them at one host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::connection::Connection;
use super::roster::Roster;
use super::shared::oldest_membership;
use crate::Result;

/// How many members and groups are remembered together: 8 bytes a member, 100 if it is a Django
/// site's, and some 200 a group.
const MOST: usize = 1 << 18;

/// To read a large group is dearer than to send to it. So what was read is kept, and is right until
/// Redis tells that the group has changed, which it does before it answers the next command.
pub(super) struct Rosters {
    known: Mutex<Known>,
    /// For how many seconds a membership lasts.
    group_expiry: u64,
}

impl Rosters {
    pub(super) fn new(group_expiry: u64) -> Self {
        Self {
            known: Mutex::default(),
            group_expiry,
        }
    }

    /// Who is in a group now, by its key; those whose time is over are taken out. The connection has
    /// to tell [`forget`](Self::forget) what has changed.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`].
    pub(super) async fn read(&self, redis: &Connection, key: &str) -> Result<Arc<Roster>> {
        let known = self.lock().get(key);
        // What has changed before is told before this is answered. It writes, so no replica does; and
        // an empty group, of which there may be very many, is not tracked.
        let count = self.count(redis, key).await?;
        if count == 0 {
            return Ok(Arc::default());
        }
        if let Some((read, roster)) = known
            && count == roster.count
            && self.lock().is_right(key, read)
        {
            return Ok(roster);
        }
        let mut commands = redis::pipe();
        commands.cmd("CLIENT").arg("CACHING").arg("YES").ignore();
        commands.zrange(key, 0, -1);
        let read = self.lock().begin(key);
        let (members,): (Vec<Vec<u8>>,) = redis.run_all(&commands).await?;
        let roster = Arc::new(Roster::new(members));
        self.lock().keep(key, read, &roster);
        Ok(roster)
    }

    /// Who was in a group when it was read, if nothing was told of it since.
    pub(super) fn known(&self, key: &str) -> Option<Arc<Roster>> {
        self.lock().get(key).map(|(_, roster)| roster)
    }

    /// How many are in a group, without those whose time is over.
    async fn count(&self, redis: &Connection, key: &str) -> Result<usize> {
        let oldest = oldest_membership(self.group_expiry);
        let mut commands = redis::pipe();
        commands.zrembyscore(key, 0, oldest).ignore();
        commands.zcount(key, "-inf", "+inf");
        let (count,) = redis.run_all(&commands).await?;
        Ok(count)
    }

    /// A group has changed, or any of them may have.
    pub(super) fn forget(&self, key: Option<&[u8]>) {
        self.lock().forget(key);
    }

    /// No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was read, by the groups' keys.
#[derive(Default)]
struct Known {
    groups: HashMap<String, Entry>,
    /// Members, and one more for each group.
    size: usize,
    /// How many times something was read.
    reads: u64,
}

struct Entry {
    /// Which read it is, or will be, from.
    read: u64,
    /// Nothing until it is there.
    roster: Option<Arc<Roster>>,
}

impl Entry {
    fn size(&self) -> usize {
        1 + self.roster.as_ref().map_or(0, |roster| roster.count)
    }
}

impl Known {
    fn get(&self, key: &str) -> Option<(u64, Arc<Roster>)> {
        let entry = self.groups.get(key)?;
        Some((entry.read, entry.roster.clone()?))
    }

    /// Whether nothing has changed since a read began.
    fn is_right(&self, key: &str, read: u64) -> bool {
        self.groups.get(key).is_some_and(|entry| entry.read == read)
    }

    /// A group is read from now on.
    fn begin(&mut self, key: &str) -> u64 {
        self.reads += 1;
        let read = self.reads;
        self.put(key, Entry { read, roster: None });
        read
    }

    /// Keeps what a read has given, if it is still right.
    fn keep(&mut self, key: &str, read: u64, roster: &Arc<Roster>) {
        if self.is_right(key, read) && roster.count < MOST {
            let roster = Some(Arc::clone(roster));
            self.put(key, Entry { read, roster });
        }
    }

    /// It begins anew when it is full.
    fn put(&mut self, key: &str, entry: Entry) {
        self.forget(Some(key.as_bytes()));
        if self.size + entry.size() > MOST {
            self.forget(None);
        }
        self.size += entry.size();
        self.groups.insert(key.to_owned(), entry);
    }

    /// A group has changed, or any of them may have.
    fn forget(&mut self, key: Option<&[u8]>) {
        match key.map(std::str::from_utf8) {
            Some(Ok(key)) => {
                let entry = self.groups.remove(key);
                self.size -= entry.map_or(0, |entry| entry.size());
            }
            // No group of ours.
            Some(Err(_)) => {}
            None => {
                self.groups.clear();
                self.size = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(count: usize) -> Arc<Roster> {
        let member = |number| format!("specific.x!{number:016x}").into_bytes();
        Arc::new(Roster::new((0..count).map(member).collect()))
    }

    fn keep(known: &mut Known, key: &str, count: usize) {
        let read = known.begin(key);
        known.keep(key, read, &roster(count));
    }

    #[test]
    fn what_has_changed_since_a_read_began_is_not_kept() {
        for changed in [Some(&b"g"[..]), None] {
            let mut known = Known::default();
            let read = known.begin("g");
            known.forget(changed);
            known.keep("g", read, &roster(1));
            assert!(known.get("g").is_none());
            assert_eq!(known.size, 0);
        }
    }

    #[test]
    fn a_read_that_began_later_is_another() {
        let mut known = Known::default();
        let (first, second) = (known.begin("g"), known.begin("g"));
        known.keep("g", first, &roster(1));
        assert!(known.get("g").is_none());
        known.keep("g", second, &roster(2));
        let (read, kept) = known.get("g").expect("it is kept");
        assert_eq!((read, kept.count), (second, 2));
        assert!(!known.is_right("g", first));
    }

    #[test]
    fn another_groups_change_changes_nothing() {
        let mut known = Known::default();
        keep(&mut known, "g", 3);
        known.forget(Some(b"h"));
        known.forget(Some(b"\xff"));
        assert!(known.get("g").is_some());
        assert_eq!(known.size, 4);
        known.forget(Some(b"g"));
        assert_eq!((known.groups.len(), known.size), (0, 0));
    }

    #[test]
    fn it_is_never_larger_than_it_may_be() {
        let mut known = Known::default();
        for number in 0..20 {
            keep(&mut known, &number.to_string(), MOST / 8);
            let size: usize = known.groups.values().map(Entry::size).sum();
            assert_eq!(known.size, size);
            assert!(known.size <= MOST);
            assert!(known.get(&number.to_string()).is_some());
        }
        keep(&mut known, "large", MOST);
        assert!(known.get("large").is_none());
    }
}
