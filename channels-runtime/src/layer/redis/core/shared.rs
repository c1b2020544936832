//! What the calls, the receivers and the keeper of one layer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use super::super::capacity::Capacities;
use super::super::encryption::Lifetime;
use super::super::keys::{Keys, non_local_name};
use super::super::member::Members;
use super::super::options::{Options, wrong};
use super::super::refused::Refused;
use super::super::shard::shard;
use super::changes::Changes;
use super::station::Station;
use crate::drops::DropLog;
use crate::layer::hub::{Hub, Names};
use crate::{ChannelName, Error, ErrorKind, GroupName, Result};

/// For how long after a sign of life a process counts as living.
pub(super) const ALIVE: Duration = Duration::from_secs(10);

/// What the names of the keys end with by which they show it.
pub(super) const ALIVE_KEY: &str = ":alive";

/// What tells the ids of these processes from those of a Django site: its are random UUIDs, which
/// have a `4` there.
const MARK: (usize, &str) = (12, "c");

pub(super) struct Shared {
    /// The channels of this process. Its groups are in Redis, not there.
    pub(super) hub: Hub,
    pub(super) stations: Box<[Station]>,
    pub(super) keys: Keys,
    pub(super) members: Members,
    pub(super) capacities: Capacities,
    pub(super) bounds: Bounds,
    pub(super) patience: Duration,
    /// The name of this process' queue: `specific.…!`.
    pub(super) own_queue: String,
    /// The host to which the next event without an owner goes.
    next: AtomicUsize,
    /// The latest joins and leaves of these channels.
    pub(super) changes: Changes,
    /// Messages that are not events.
    pub(super) refused: Refused,
    /// Events for queues that have no room, or that expired there.
    pub(super) lost: DropLog,
    pub(super) closed: Notify,
}

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long an event waits.
    pub(super) expiry: u64,
    /// How long a membership lasts.
    pub(super) group_expiry: u64,
    pub(super) random_prefix: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            expiry: 60,
            group_expiry: 86400,
            random_prefix: 12,
        }
    }
}

impl Bounds {
    pub(super) fn set_expiry(&mut self, expiry: Option<Duration>) -> Result {
        self.expiry = seconds(expiry)?;
        Ok(())
    }

    pub(super) fn set_group_expiry(&mut self, expiry: Option<Duration>) -> Result {
        self.group_expiry = seconds(expiry)?;
        Ok(())
    }
}

/// # Errors
///
/// [`ErrorKind::Config`] if it is not a whole number of seconds up to a year.
fn seconds(time: Option<Duration>) -> Result<u64> {
    let is_good =
        |time: &Duration| time.subsec_nanos() == 0 && (1..=31_536_000).contains(&time.as_secs());
    let time = time.filter(is_good);
    time.map(|time| time.as_secs())
        .ok_or_else(|| wrong("an expiry is 1 to 31536000 whole seconds"))
}

impl Shared {
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] if the operating system has no random bytes.
    pub(super) fn new(options: &Options, bounds: Bounds, capacities: Capacities) -> Result<Self> {
        let process = process_id()?;
        let prefix = format!("specific.{process}!");
        let keys = options.keys();
        let stations = options
            .hosts()?
            .into_iter()
            .map(|host| Station::new(host, options.patience, keys.clone(), bounds.group_expiry));
        Ok(Self {
            hub: Hub::new(
                Names {
                    prefix: prefix.clone(),
                    digits: 16,
                },
                None,
            ),
            stations: stations.collect(),
            keys,
            members: Members {
                body: options.body(),
                prefix: bounds.random_prefix,
            },
            capacities,
            bounds,
            patience: options.patience,
            own_queue: prefix,
            next: AtomicUsize::new(0),
            changes: Changes::default(),
            refused: Refused::default(),
            lost: DropLog::default(),
            closed: Notify::new(),
        })
    }

    /// Makes a channel of this process a member here, not in Redis.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] if there is no such channel, or the layer is closed.
    pub(super) fn enter(&self, group: &str, channel: &ChannelName) -> Result {
        if !self.hub.is_member(group, channel) {
            self.changes.joins(group, channel.as_str());
        }
        self.hub.group_add(group, channel).map(drop)
    }

    /// Ends a membership here, not in Redis.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] if the layer is closed.
    pub(super) fn leave(&self, group: &str, channel: &ChannelName) -> Result {
        if self.hub.is_member(group, channel) {
            self.changes.leaves(group, channel.as_str());
        }
        self.hub.group_discard(group, channel)
    }

    /// The host of a group's members.
    pub(super) fn station_of_group(&self, group: &str) -> &Station {
        &self.stations[self.shard_of_group(group)]
    }

    pub(super) fn shard_of_group(&self, group: &str) -> usize {
        shard(group, self.host_count())
    }

    /// The host of a channel's queue. What belongs to nobody goes round.
    ///
    /// `channels_redis` hashes the whole name in `send`, and so does not find the queue that its own
    /// `receive` reads. These processes read theirs on all hosts, so that such events come, too.
    pub(super) fn shard_of_channel(&self, channel: &ChannelName) -> usize {
        if channel.is_specific() {
            return self.shard_of_queue(non_local_name(channel.as_str()));
        }
        self.next.fetch_add(1, Ordering::Relaxed) % self.stations.len()
    }

    /// The host of a queue. There a process shows that it lives.
    pub(super) fn shard_of_queue(&self, queue: &str) -> usize {
        shard(queue, self.host_count())
    }

    fn host_count(&self) -> u32 {
        u32::try_from(self.stations.len()).unwrap_or(u32::MAX)
    }

    /// The key that shows that a process lives. Its queue's name is a part of it.
    pub(super) fn alive_key(&self, queue: &str) -> String {
        format!("{}{ALIVE_KEY}", self.keys.queue(queue))
    }

    /// How old an encrypted event may be.
    pub(super) fn lifetime(&self) -> Lifetime {
        Lifetime {
            now: unix_seconds(),
            // As `channels_redis` has it: clocks differ.
            seconds: self.bounds.expiry + 10,
        }
    }

    pub(super) fn undecodable(&self) -> u64 {
        self.refused.count()
    }

    pub(super) fn group_name(group: GroupName<'_>) -> Result<String> {
        group.to_wire()
    }
}

/// Whether a queue is that of a process of ours, which shows that it lives.
pub(super) fn shows_life(queue: &str) -> bool {
    let id = queue.strip_prefix("specific.").unwrap_or_default();
    let (at, mark) = MARK;
    id.len() == 33 && id.get(at..=at) == Some(mark)
}

/// 32 hexadecimal digits, as `channels_redis` has them, with the mark.
fn process_id() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::caused(ErrorKind::Layer, "there are no random bytes", error))?;
    let mut id = format!("{:032x}", u128::from_be_bytes(random));
    let (at, mark) = MARK;
    id.replace_range(at..=at, mark);
    Ok(id)
}

/// Since when somebody has to be a member, by how many seconds that lasts.
pub(super) fn oldest_membership(group_expiry: u64) -> u64 {
    unix_seconds().saturating_sub(group_expiry)
}

pub(super) fn unix_seconds() -> u64 {
    unix_time().as_secs()
}

pub(super) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The layer's parts, shared by all clones.
pub(super) type SharedRef = Arc<Shared>;
