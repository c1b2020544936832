//! The layer of one process: good for production on one machine.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Channel, ChannelLayer, Delivered, Delivery, LayerFuture, Receiver};
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// How many locks the tables are spread over.
const SHARDS: usize = 32;

/// A channel layer within one process.
///
/// An event travels as the value that was sent, behind an `Arc`. A group send takes one lock for
/// as long as a lookup takes, and none while it delivers. Nothing expires and nothing is swept:
/// a membership ends with its channel.
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
    /// Random, so that a name of an earlier process is nobody's here.
    process: u64,
    next: AtomicU64,
    closed: AtomicBool,
    hasher: RandomState,
    channels: [Mutex<HashMap<ChannelName, Entry>>; SHARDS],
    groups: [Mutex<HashMap<Box<str>, Members>>; SHARDS],
}

struct Entry {
    receiver: Arc<dyn Receiver>,
    groups: Vec<Box<str>>,
}

/// The members of a group.
///
/// A send takes a snapshot by cloning the `Arc`; a join that meets a running send copies the list
/// then, and only then.
#[derive(Default)]
struct Members {
    list: Arc<Vec<Member>>,
    positions: HashMap<ChannelName, usize>,
}

#[derive(Clone)]
struct Member {
    name: ChannelName,
    receiver: Arc<dyn Receiver>,
}

impl InMemoryChannelLayer {
    /// A new, empty layer. Clones of it are the same layer.
    pub fn new() -> Self {
        let hasher = RandomState::new();
        Self(Arc::new(Tables {
            process: hasher.hash_one("process"),
            next: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            hasher,
            channels: std::array::from_fn(|_| Mutex::default()),
            groups: std::array::from_fn(|_| Mutex::default()),
        }))
    }

    /// How many channels are open.
    pub fn channel_count(&self) -> usize {
        self.0.channels.iter().map(|shard| lock(shard).len()).sum()
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

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.0.flush();
        LayerFuture::ready(Ok(()))
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.0.closed.store(true, Ordering::Release);
        self.0.flush();
        LayerFuture::ready(Ok(()))
    }
}

/// Takes a channel out of the tables when its consumer is gone.
struct Guard {
    tables: Arc<Tables>,
    name: ChannelName,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.tables.remove(&self.name);
    }
}

/// Lock order: a channel's shard before a group's, never two of a kind.
impl Tables {
    fn open(self: &Arc<Self>, receiver: Arc<dyn Receiver>) -> Result<Channel> {
        self.check_open()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = ChannelName::new(&format!("specific.memory.{:016x}!{number:x}", self.process))?;
        self.channel_shard(&name).insert(
            name.clone(),
            Entry {
                receiver,
                groups: Vec::new(),
            },
        );
        let guard = Guard {
            tables: Arc::clone(self),
            name: name.clone(),
        };
        Ok(Channel::new(name, guard))
    }

    fn send(&self, channel: &ChannelName, event: Event) -> Result<()> {
        self.check_open()
            .map_err(|error| error.unsent(event.clone()))?;
        let receiver = self
            .channel_shard(channel)
            .get(channel)
            .map(|entry| Arc::clone(&entry.receiver));
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
        let mut channels = self.channel_shard(channel);
        let Some(entry) = channels.get_mut(channel) else {
            return Err(Error::new(
                ErrorKind::Layer,
                format!("there is no channel `{channel}`"),
            ));
        };
        if entry.groups.iter().any(|known| &**known == group) {
            return Ok(());
        }
        entry.groups.push(group.into());
        let member = Member {
            name: channel.clone(),
            receiver: Arc::clone(&entry.receiver),
        };
        let mut groups = self.group_shard(group);
        match groups.get_mut(group) {
            Some(members) => members.add(member),
            None => groups.entry(group.into()).or_default().add(member),
        }
        Ok(())
    }

    fn group_discard(&self, group: &str, channel: &ChannelName) -> Result<()> {
        self.check_open()?;
        let mut channels = self.channel_shard(channel);
        if let Some(entry) = channels.get_mut(channel)
            && let Some(at) = entry.groups.iter().position(|known| &**known == group)
        {
            entry.groups.swap_remove(at);
            self.leave(group, channel);
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
        let mut delivery = Delivery::default();
        for member in members.iter().flat_map(|list| list.iter()) {
            if except == Some(&member.name) {
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

    fn remove(&self, channel: &ChannelName) {
        let mut channels = self.channel_shard(channel);
        for group in channels
            .remove(channel)
            .into_iter()
            .flat_map(|entry| entry.groups)
        {
            self.leave(&group, channel);
        }
    }

    fn leave(&self, group: &str, channel: &ChannelName) {
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
            for (name, entry) in channels.iter_mut() {
                for group in std::mem::take(&mut entry.groups) {
                    self.leave(&group, name);
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

    fn channel_shard(&self, name: &ChannelName) -> MutexGuard<'_, HashMap<ChannelName, Entry>> {
        lock(&self.channels[self.shard(name.as_str())])
    }

    fn group_shard(&self, name: &str) -> MutexGuard<'_, HashMap<Box<str>, Members>> {
        lock(&self.groups[self.shard(name)])
    }

    #[expect(clippy::cast_possible_truncation, reason = "only a few bits are used")]
    fn shard(&self, name: &str) -> usize {
        self.hasher.hash_one(name) as usize % SHARDS
    }
}

impl Members {
    fn add(&mut self, member: Member) {
        let list = Arc::make_mut(&mut self.list);
        self.positions.insert(member.name.clone(), list.len());
        list.push(member);
    }

    /// Removes a member; tells whether none is left.
    fn remove(&mut self, channel: &ChannelName) -> bool {
        if let Some(at) = self.positions.remove(channel) {
            let list = Arc::make_mut(&mut self.list);
            list.swap_remove(at);
            if let Some(moved) = list.get(at) {
                self.positions.insert(moved.name.clone(), at);
            }
        }
        self.list.is_empty()
    }
}

/// No code panics while it holds one of these locks, and the tables are whole between any two of
/// its statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
