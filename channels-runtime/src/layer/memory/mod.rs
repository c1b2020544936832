//! The layer of one process: good for production on one machine.

mod queues;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::queues::Queues;
use super::{Channel, ChannelLayer, Delivered, Delivery, LayerFuture, Receiver};
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// Channels' defaults: how many events wait for workers in a channel, and how long.
const QUEUE_CAPACITY: usize = 100;
const QUEUE_EXPIRY: Duration = Duration::from_secs(60);

/// How many locks the tables are spread over.
const SHARDS: usize = 32;

/// A channel layer within one process.
///
/// An event travels as the value that was sent, behind an `Arc`. A group send takes one lock for
/// as long as a lookup takes, and none while it delivers. Nothing expires and nothing is swept:
/// a membership ends with its channel.
///
/// What is sent to a channel that no connection has, `thumbnails` say, waits for a
/// [`Worker`](crate::Worker): up to 100 events, each for a minute.
///
/// # Examples
///
/// ```
/// use channels_runtime::{ChannelLayer, Event, GroupName, InMemoryChannelLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// let layer = InMemoryChannelLayer::new();
/// let event = Event::new("call.back", serde_json::json!({ "message": "hi" }))?;
/// let delivery = layer.group_send(GroupName::new("f1")?, event, None).await?;
/// assert_eq!(delivery.matched, 0); // nobody is there yet
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InMemoryChannelLayer(Arc<Tables>);

struct Tables {
    /// What the names of this layer's channels begin with. Random, so that a name of an earlier
    /// process is nobody's here.
    prefix: Box<str>,
    next: AtomicU64,
    closed: AtomicBool,
    hasher: RandomState,
    channels: [Mutex<HashMap<Number, Entry>>; SHARDS],
    groups: [Mutex<HashMap<Arc<str>, Members>>; SHARDS],
    queues: Queues,
}

/// A channel: what its name ends with. No two channels have the same.
type Number = u64;

struct Entry {
    receiver: Arc<dyn Receiver>,
    groups: Vec<Arc<str>>,
}

/// The members of a group.
///
/// A send takes a snapshot by cloning the `Arc`; a join that meets a running send copies the list
/// then, and only then.
#[derive(Default)]
struct Members {
    list: Arc<Vec<Member>>,
    positions: HashMap<Number, u32>,
}

#[derive(Clone)]
struct Member {
    channel: Number,
    receiver: Arc<dyn Receiver>,
}

impl InMemoryChannelLayer {
    /// A new, empty layer. Clones of it are the same layer.
    pub fn new() -> Self {
        Self::with_queues(QUEUE_CAPACITY, QUEUE_EXPIRY)
    }

    /// A new layer in whose channels for workers so many events may wait, each for so long, instead
    /// of 100 for a minute.
    pub fn with_queues(capacity: usize, expiry: Duration) -> Self {
        let hasher = RandomState::new();
        Self(Arc::new(Tables {
            prefix: format!("specific.{:08x}!", hasher.hash_one("prefix") >> 32).into(),
            next: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            hasher,
            channels: std::array::from_fn(|_| Mutex::default()),
            groups: std::array::from_fn(|_| Mutex::default()),
            queues: Queues::new(capacity, expiry),
        }))
    }

    /// How many channels are open.
    pub fn channel_count(&self) -> usize {
        self.0.channels.iter().map(|shard| lock(shard).len()).sum()
    }

    /// In how many channels something waits for workers, or workers wait.
    pub fn queue_count(&self) -> usize {
        self.0.queues.len()
    }

    /// How many groups have members.
    pub fn group_count(&self) -> usize {
        self.0.groups.iter().map(|shard| lock(shard).len()).sum()
    }

    /// How many members a group has.
    pub fn member_count(&self, group: GroupName<'_>) -> usize {
        self.0
            .group_shard(group.as_str())
            .get(group.as_str())
            .map_or(0, |members| members.list.len())
    }
}

impl Default for InMemoryChannelLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemoryChannelLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryChannelLayer")
            .field("channels", &self.channel_count())
            .field("groups", &self.group_count())
            .finish()
    }
}

impl ChannelLayer for InMemoryChannelLayer {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        LayerFuture::ready(self.0.open(receiver))
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.0.send(channel, event))
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.0.group_add(group.as_str(), channel))
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::ready(self.0.group_discard(group.as_str(), channel))
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        LayerFuture::ready(self.0.group_send(group.as_str(), &event, except))
    }

    fn receive<'a>(&'a self, channel: &'a ChannelName) -> LayerFuture<'a, Event> {
        LayerFuture::waiting(async {
            self.0.check_open()?;
            self.0.queues.pop(channel).await
        })
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.0.flush();
        self.0.queues.flush();
        LayerFuture::ready(Ok(()))
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.0.closed.store(true, Ordering::Release);
        self.0.flush();
        self.0.queues.close();
        LayerFuture::ready(Ok(()))
    }
}

/// Takes a channel out of the tables when its consumer is gone.
struct Guard {
    tables: Arc<Tables>,
    channel: Number,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.tables.remove(self.channel);
    }
}

/// Lock order: a channel's shard before a group's, never two of a kind.
impl Tables {
    fn open(self: &Arc<Self>, receiver: Arc<dyn Receiver>) -> Result<Channel> {
        self.check_open()?;
        let channel = self.next.fetch_add(1, Ordering::Relaxed);
        let name = ChannelName::new(&format!("{}{channel:x}", self.prefix))?;
        let groups = Vec::new();
        self.channel_shard(channel)
            .insert(channel, Entry { receiver, groups });
        let tables = Arc::clone(self);
        Ok(Channel::new(name, Guard { tables, channel }))
    }

    fn send(&self, channel: &ChannelName, event: Event) -> Result<()> {
        self.check_open()
            .map_err(|error| error.unsent(event.clone()))?;
        if !channel.is_specific() {
            return self.queues.push(channel, event);
        }
        let receiver = self.number(channel).and_then(|number| {
            let channels = self.channel_shard(number);
            channels
                .get(&number)
                .map(|entry| Arc::clone(&entry.receiver))
        });
        match receiver.map(|receiver| receiver.deliver(&event)) {
            Some(Delivered::Full) => {
                let full = format!("the channel `{channel}` is full");
                Err(Error::new(ErrorKind::ChannelFull, full).unsent(event))
            }
            Some(Delivered::Queued | Delivered::Closed) | None => Ok(()),
        }
    }

    fn group_add(&self, group: &str, channel: &ChannelName) -> Result<()> {
        self.check_open()?;
        let unknown = || Error::new(ErrorKind::Layer, format!("there is no channel `{channel}`"));
        let number = self.number(channel).ok_or_else(unknown)?;
        let mut channels = self.channel_shard(number);
        let entry = channels.get_mut(&number).ok_or_else(unknown)?;
        if entry.groups.iter().any(|known| &**known == group) {
            return Ok(());
        }
        let member = Member {
            channel: number,
            receiver: Arc::clone(&entry.receiver),
        };
        // Most channels are in one group, and a vector's own first step is to four.
        entry.groups.reserve_exact(1);
        entry.groups.push(self.enter(group, member));
        Ok(())
    }

    fn group_discard(&self, group: &str, channel: &ChannelName) -> Result<()> {
        self.check_open()?;
        let Some(number) = self.number(channel) else {
            return Ok(());
        };
        let mut channels = self.channel_shard(number);
        if let Some(entry) = channels.get_mut(&number)
            && let Some(at) = entry.groups.iter().position(|known| &**known == group)
        {
            entry.groups.swap_remove(at);
            self.leave(group, number);
        }
        Ok(())
    }

    fn group_send(
        &self,
        group: &str,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<Delivery> {
        self.check_open()
            .map_err(|error| error.unsent(event.clone()))?;
        let members = self
            .group_shard(group)
            .get(group)
            .map(|members| Arc::clone(&members.list));
        let except = except.and_then(|channel| self.number(channel));
        let mut delivery = Delivery::default();
        for member in members.iter().flat_map(|list| list.iter()) {
            if except == Some(member.channel) {
                continue;
            }
            delivery.matched += 1;
            match member.receiver.deliver(event) {
                Delivered::Queued => delivery.queued += 1,
                Delivered::Full => delivery.dropped += 1,
                Delivered::Closed => {}
            }
        }
        Ok(delivery)
    }

    fn remove(&self, channel: Number) {
        let mut channels = self.channel_shard(channel);
        for group in channels
            .remove(&channel)
            .into_iter()
            .flat_map(|entry| entry.groups)
        {
            self.leave(&group, channel);
        }
    }

    /// Makes a channel a member, and gives the group's own name back.
    fn enter(&self, group: &str, member: Member) -> Arc<str> {
        let mut groups = self.group_shard(group);
        let name = match groups.get_key_value(group) {
            Some((name, _)) => Arc::clone(name),
            None => group.into(),
        };
        groups.entry(Arc::clone(&name)).or_default().add(member);
        name
    }

    fn leave(&self, group: &str, channel: Number) {
        let mut groups = self.group_shard(group);
        if let Some(members) = groups.get_mut(group)
            && members.remove(channel)
        {
            groups.remove(group);
        }
    }

    fn flush(&self) {
        for shard in &self.channels {
            let mut channels = lock(shard);
            for (channel, entry) in channels.iter_mut() {
                for group in std::mem::take(&mut entry.groups) {
                    self.leave(&group, *channel);
                }
            }
        }
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Layer, "the channel layer is closed"));
        }
        Ok(())
    }

    /// The channel of a name, if it can be one of this layer.
    fn number(&self, channel: &ChannelName) -> Option<Number> {
        let number = channel.as_str().strip_prefix(&*self.prefix)?;
        Number::from_str_radix(number, 16).ok()
    }

    fn channel_shard(&self, channel: Number) -> MutexGuard<'_, HashMap<Number, Entry>> {
        lock(&self.channels[shard(channel)])
    }

    fn group_shard(&self, name: &str) -> MutexGuard<'_, HashMap<Arc<str>, Members>> {
        lock(&self.groups[shard(self.hasher.hash_one(name))])
    }
}

impl Members {
    fn add(&mut self, member: Member) {
        let list = Arc::make_mut(&mut self.list);
        self.positions.insert(member.channel, position(list.len()));
        list.push(member);
    }

    /// Removes a member; tells whether none is left.
    fn remove(&mut self, channel: Number) -> bool {
        if let Some(at) = self.positions.remove(&channel) {
            let list = Arc::make_mut(&mut self.list);
            list.swap_remove(at as usize);
            if let Some(moved) = list.get(at as usize) {
                self.positions.insert(moved.channel, at);
            }
        }
        self.list.is_empty()
    }
}

/// A group of more members than that does not fit into memory.
fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a group has fewer than four billion members")
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
