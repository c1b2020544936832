//! The channels of this process, their groups, and who gets what: the whole of the in-memory layer, and
//! the local end of those that come over a network.

mod groups;
mod guard;
mod members;
#[cfg(feature = "redis")]
mod snapshot;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::coop::consume_budget;

use self::groups::Groups;
use self::guard::{AT_ONCE, Guard};
use self::members::{Member, Members};
use super::{Channel, Delivered, Delivery, Receiver, check_is_connection, isolated};
use crate::{ChannelName, Error, ErrorKind, Event, Result};

/// How many locks the tables are spread over.
const SHARDS: usize = 32;

/// Channels and groups. Clones are the same.
///
/// Nothing expires and nothing is swept: a membership ends with its channel.
#[derive(Clone)]
pub(super) struct Hub(Arc<Tables>);

struct Tables {
    /// What the names of the channels are made of.
    names: Names,
    /// Hears of each group that has got its first member, or lost its last.
    turned: Option<Turned>,
    next: AtomicU64,
    closed: AtomicBool,
    hasher: RandomState,
    channels: [Mutex<HashMap<Number, Entry>>; SHARDS],
    groups: [Mutex<HashMap<Arc<str>, Members>>; SHARDS],
}

/// What the names of channels begin with, and how many hexadecimal digits follow at least.
///
/// It is random, so that a name of an earlier process is nobody's here.
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) digits: usize,
}

/// Is called with the table of groups locked: it may do little, and nothing with the hub.
pub(super) type Turned = Box<dyn Fn(&Arc<str>, Turn) + Send + Sync>;

/// What a group has got or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    FirstMember,
    LastMember,
}

/// A channel: what its name ends with. No two channels have the same.
type Number = u64;

struct Entry {
    receiver: Arc<dyn Receiver>,
    groups: Groups,
    max_groups: u32,
}

impl Hub {
    pub(super) fn new(names: Names, turned: Option<Turned>) -> Self {
        Self(Arc::new(Tables {
            names,
            turned,
            next: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            hasher: RandomState::new(),
            channels: std::array::from_fn(|_| Mutex::default()),
            groups: std::array::from_fn(|_| Mutex::default()),
        }))
    }

    pub(super) fn channel_count(&self) -> usize {
        self.0.channels.iter().map(|shard| lock(shard).len()).sum()
    }

    pub(super) fn group_count(&self) -> usize {
        self.0.groups.iter().map(|shard| lock(shard).len()).sum()
    }

    pub(super) fn member_count(&self, group: &str) -> usize {
        self.0
            .group_shard(group)
            .get(group)
            .map_or(0, |members| members.list().len())
    }

    #[cfg(feature = "redis")]
    pub(super) fn is_member(&self, group: &str, channel: &ChannelName) -> bool {
        self.0.number(channel.as_str()).is_some_and(|number| {
            let groups = self.0.group_shard(group);
            let members = groups.get(group);
            members.is_some_and(|members| members.contains(number))
        })
    }

    pub(super) fn open(&self, receiver: Arc<dyn Receiver>) -> Result<Channel> {
        self.0.check_open()?;
        let Names { prefix, digits } = &self.0.names;
        let channel = self.0.next.fetch_add(1, Ordering::Relaxed);
        let name = ChannelName::new(&format!("{prefix}{channel:0digits$x}"))?;
        let entry = Entry {
            max_groups: u32::try_from(receiver.max_groups()).unwrap_or(u32::MAX),
            groups: Groups::default(),
            receiver,
        };
        self.0.channel_shard(channel).insert(channel, entry);
        let hub = self.clone();
        Ok(Channel::new(name, Guard { hub, channel }))
    }

    pub(super) fn send(&self, channel: &ChannelName, event: Event) -> Result<()> {
        match self.deliver(channel.as_str(), &event) {
            Delivered::Full => Err(Error::channel_full(channel, event)),
            Delivered::Queued | Delivered::Displaced | Delivered::Closed => Ok(()),
        }
    }

    /// Hands an event to the channel of a name, which may be anything: who is unknown is closed.
    pub(super) fn deliver(&self, channel: &str, event: &Event) -> Delivered {
        let receiver = self.0.number(channel).and_then(|number| {
            let channels = self.0.channel_shard(number);
            let entry = channels.get(&number)?;
            Some(Arc::clone(&entry.receiver))
        });
        receiver.map_or(Delivered::Closed, |receiver| {
            isolated::deliver(&receiver, event)
        })
    }

    /// Makes a channel a member. Returns whether it was not one before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a channel of workers, [`ErrorKind::Limit`] if the channel is in as many
    /// groups as its receiver allows, and [`ErrorKind::Layer`] if there is no such channel.
    pub(super) fn group_add(&self, group: &str, channel: &ChannelName) -> Result<bool> {
        self.0.check_open()?;
        let unknown = || Error::new(ErrorKind::Layer, format!("there is no channel `{channel}`"));
        let Some(number) = self.0.number(channel.as_str()) else {
            check_is_connection(channel)?;
            return Err(unknown());
        };
        let mut channels = self.0.channel_shard(number);
        let entry = channels.get_mut(&number).ok_or_else(unknown)?;
        if entry.groups.contains(group) {
            return Ok(false);
        }
        let most = entry.max_groups;
        if entry.groups.len() >= most as usize {
            drop(channels);
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the connection is in {most} groups already, the maximum (`Limits::groups`)"
                ),
            ));
        }
        let member = Member {
            channel: number,
            receiver: Arc::clone(&entry.receiver),
        };
        entry.groups.insert(self.0.enter(group, member));
        Ok(true)
    }

    pub(super) fn group_discard(&self, group: &str, channel: &ChannelName) -> Result<()> {
        self.0.check_open()?;
        let Some(number) = self.0.number(channel.as_str()) else {
            return Ok(());
        };
        let mut channels = self.0.channel_shard(number);
        let was_member = (channels.get_mut(&number)).is_some_and(|it| it.groups.remove(group));
        // Under the channel's lock, so that a join comes before or after both. What is removed is
        // dropped when the lock is released.
        let left = was_member.then(|| self.0.leave(group, number));
        drop(channels);
        drop(left);
        Ok(())
    }

    pub(super) fn group_send(
        &self,
        group: &str,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<Delivery> {
        self.check_open()?;
        let members = self.0.group_shard(group).get(group).map(Members::snapshot);
        let except = except.and_then(|channel| self.0.number(channel.as_str()));
        let mut delivery = Delivery::default();
        for member in members.iter().flat_map(|list| list.iter()) {
            if except == Some(member.channel) {
                continue;
            }
            delivery.matched += 1;
            match isolated::deliver(&member.receiver, event) {
                Delivered::Queued => delivery.queued += 1,
                Delivered::Displaced => {
                    delivery.queued += 1;
                    delivery.dropped += 1;
                }
                Delivered::Full => delivery.dropped += 1,
                Delivered::Closed => {}
            }
        }
        isolated::log_dropped(group, event, delivery);
        Ok(delivery)
    }

    /// Ends all memberships.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] after [`close`](Self::close).
    pub(super) async fn flush(&self) -> Result {
        self.check_open()?;
        for at in 0..SHARDS {
            for channel in self.0.channels_of(at) {
                while self.0.leave_some(channel) {
                    consume_budget().await;
                }
                consume_budget().await;
            }
        }
        Ok(())
    }

    /// All groups that have members.
    #[cfg(feature = "redis")]
    pub(super) fn groups(&self) -> Vec<Arc<str>> {
        let shards = self.0.groups.iter();
        shards
            .flat_map(|shard| lock(shard).keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Delivers an event to each channel that `is_meant` by its name and its groups.
    #[cfg(any(feature = "redis", feature = "testing"))]
    pub(super) fn tell(&self, event: &Event, is_meant: impl Fn(&str, &Groups) -> bool) {
        let Names { prefix, digits } = &self.0.names;
        for shard in &self.0.channels {
            let meant: Vec<_> = lock(shard)
                .iter()
                .filter(|(channel, entry)| {
                    is_meant(&format!("{prefix}{channel:0digits$x}"), &entry.groups)
                })
                .map(|(_, entry)| Arc::clone(&entry.receiver))
                .collect();
            for receiver in meant {
                isolated::deliver(&receiver, event);
            }
        }
    }

    /// # Errors
    ///
    /// [`ErrorKind::Layer`] after [`close`](Self::close).
    pub(super) fn check_open(&self) -> Result {
        self.0.check_open()
    }

    /// Ends all memberships; every call fails from now on.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        for at in 0..SHARDS {
            for channel in self.0.channels_of(at) {
                while self.0.leave_some(channel) {}
            }
        }
    }
}

/// Lock order: a channel's shard before a group's, never two of a kind. No code of the user's own runs
/// under a lock: what has such a destructor (a [`Member`], an [`Entry`]) is returned, and dropped later.
impl Tables {
    fn channels_of(&self, shard: usize) -> Vec<Number> {
        lock(&self.channels[shard]).keys().copied().collect()
    }

    /// Ends some memberships of a channel. Returns whether there are more.
    fn leave_some(&self, channel: Number) -> bool {
        let mut channels = self.channel_shard(channel);
        let Some(entry) = channels.get_mut(&channel) else {
            return false;
        };
        let groups = entry.groups.take(AT_ONCE);
        let is_rest = entry.groups.len() > 0;
        let left: Vec<_> = groups
            .iter()
            .map(|group| self.leave(group, channel))
            .collect();
        drop(channels);
        drop(left);
        is_rest
    }

    /// Makes a channel a member, and gives the group's own name back.
    fn enter(&self, group: &str, member: Member) -> Arc<str> {
        let mut groups = self.group_shard(group);
        let known = groups.get_key_value(group);
        let name = known.map_or_else(|| group.into(), |(name, _)| Arc::clone(name));
        if known.is_none() {
            self.turned(&name, Turn::FirstMember);
        }
        groups.entry(Arc::clone(&name)).or_default().add(member);
        name
    }

    /// Ends a membership. Returns the member that there was.
    fn leave(&self, group: &str, channel: Number) -> Option<Member> {
        let mut groups = self.group_shard(group);
        let members = groups.get_mut(group)?;
        let left = members.remove(channel);
        if members.list().is_empty()
            && let Some((name, _)) = groups.remove_entry(group)
        {
            self.turned(&name, Turn::LastMember);
        }
        left
    }

    fn turned(&self, group: &Arc<str>, turn: Turn) {
        if let Some(turned) = &self.turned {
            turned(group, turn);
        }
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Layer, "the channel layer is closed"));
        }
        Ok(())
    }

    /// The channel of a name, if it can be one of this layer.
    fn number(&self, channel: &str) -> Option<Number> {
        let digits = channel.strip_prefix(&*self.names.prefix)?;
        // A sign would be taken as well.
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_plain.then(|| Number::from_str_radix(digits, 16).ok())?
    }

    fn channel_shard(&self, channel: Number) -> MutexGuard<'_, HashMap<Number, Entry>> {
        lock(&self.channels[shard(channel)])
    }

    fn group_shard(&self, name: &str) -> MutexGuard<'_, HashMap<Arc<str>, Members>> {
        lock(&self.groups[shard(self.hasher.hash_one(name))])
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only a few bits are used")]
fn shard(number: u64) -> usize {
    number as usize % SHARDS
}

/// No code panics while it holds one of these locks, and the tables are whole between any two of
/// its statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
