//! The layer over Redis' sorted sets, in the format of `channels_redis.core`.

mod admin;
mod builder;
mod census;
mod changes;
mod guard;
mod jobs;
mod keeper;
mod memberships;
mod receiver;
mod roster;
mod rosters;
mod scripts;
mod send;
mod shared;
mod station;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

pub use self::builder::RedisChannelLayerBuilder;
pub(crate) use self::census::Census;
use self::guard::Guard;
use self::jobs::{Intake, Taker};
use self::keeper::Keeper;
use self::memberships::Membership;
use self::receiver::QueueReader;
use self::shared::{Shared, SharedRef};
use self::station::Station;
use self::watch::Watch;
use super::keys::check_core_channel;
use super::url::RedisUrl;
use crate::layer::{
    Channel, ChannelLayer, Delivery, LayerFuture, Receiver, check_is_connection, check_is_queue,
};
use crate::supervise::supervise_state;
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// A channel layer over Redis' sorted sets: `channels_redis.core.RedisChannelLayer`, on the same keys.
///
/// For sites whose Django uses that layer, and for workers: what is sent to a channel by name waits in
/// Redis until one of them takes it. Else [`RedisPubSubChannelLayer`](crate::RedisPubSubChannelLayer)
/// does the same with less.
///
/// Events wait in one queue for each process, up to a capacity and for a minute. Memberships are in
/// Redis. Those of this process are renewed long before they expire; when it dies, the others notice
/// within ten seconds, at the next send to the group. A Django site's members are left as they are.
///
/// While Redis is away nothing is lost but what is sent then: sockets stay, memberships come back. If
/// Redis has forgotten the process meanwhile, its consumers are told: `#[handler("layer.gap")]`.
/// Delivery is at most once.
///
/// # Membership
///
/// A membership counts when an event is sent, as with `channels_redis`: a channel that joins after
/// [`group_send`](ChannelLayer::group_send) has returned does not get the event, and one that leaves
/// after it does, while it is open. Each process remembers its latest 4,096 joins and leaves for that.
/// If more has changed while an event was on its way, or the channel was made a member by another
/// process, the members of the moment of arrival count.
///
/// # Names
///
/// A key is the prefix and a name, with nothing between them, as with `channels_redis`. So choose
/// prefixes of which none begins with another one: under `asgi` the channel `2tasks` has the key of
/// the channel `tasks` under `asgi2`. The queues of processes under another prefix, the sets of groups
/// and the keys of this layer cannot be named: [`ErrorKind::Name`].
///
/// # Differences
///
/// - Direct sends reach their channel under several hosts, too; those of `channels_redis` to its own
///   processes do not, there.
/// - `except` works everywhere: the sender leaves the channel out.
/// - A full queue is `ChannelFull` for [`send`](ChannelLayer::send) and a number in [`Delivery`].
#[derive(Clone)]
pub struct RedisChannelLayer(Arc<Layer>);

struct Layer {
    shared: SharedRef,
    /// What listens and what keeps alive, from the first channel on.
    started: OnceCell<()>,
    tasks: Mutex<JoinSet<()>>,
    intakes: Mutex<HashMap<ChannelName, Arc<Intake>>>,
}

impl RedisChannelLayer {
    /// Opens a layer by its URL:
    /// `redis://[[user]:password@]host[:port][,host[:port]…][/database][?option=value&…]`. The first
    /// connections are made when they are needed.
    ///
    /// `rediss` is TLS, `redis+sentinel://…/master` asks Sentinel for the master,
    /// `redis+unix:///run/redis.sock` is a socket; `valkey` is the same as `redis`, `valkeys` as
    /// `rediss`, and `unix` as `redis+unix`.
    ///
    /// The options of the connection are `db`, `username`, `password`, `sentinel_username`,
    /// `sentinel_password`, and for TLS, as with redis-py, `ssl_ca_certs`, `ssl_certfile`,
    /// `ssl_keyfile`, `ssl_cert_reqs` (`required`, `none`), `ssl_check_hostname` (`true`, `false`). Those
    /// of the layer are `prefix`, `format` (`msgpack`,
    /// `json`), `encryption_key` (more than once, the first one encrypts), `timeout` in seconds,
    /// `capacity`, `expiry` and `group_expiry` in seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], saying what is wrong. It does not show the password.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::RedisChannelLayer;
    ///
    /// let error = RedisChannelLayer::open("redis://localhost?capacity=many").unwrap_err();
    /// assert!(error.to_string().ends_with("`capacity` is a number"));
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        Self::builder().url(url)?.build()
    }

    /// Everything that can be told, by itself.
    pub fn builder() -> RedisChannelLayerBuilder {
        RedisChannelLayerBuilder::default()
    }

    /// How many channels are open in this process.
    pub fn channel_count(&self) -> usize {
        self.shared().hub.channel_count()
    }

    /// How many groups have members in this process.
    pub fn group_count(&self) -> usize {
        let stations = self.shared().stations.iter();
        stations.map(|it| it.memberships.group_count()).sum()
    }

    /// How many messages were dropped because they are not events, such as those of a program with
    /// another encryption key or format. They are logged with their group or channel and the reason.
    pub fn undecodable_count(&self) -> u64 {
        self.shared().undecodable()
    }

    pub(super) fn from_url(url: &RedisUrl) -> Result<Self> {
        Self::builder().parsed(url)?.build()
    }

    fn new(shared: Shared) -> Self {
        Self(Arc::new(Layer {
            shared: Arc::new(shared),
            started: OnceCell::new(),
            tasks: Mutex::default(),
            intakes: Mutex::default(),
        }))
    }

    fn shared(&self) -> &SharedRef {
        &self.0.shared
    }
}

impl Layer {
    /// Shows that the process lives, and begins to listen.
    async fn start(&self) -> Result {
        self.started
            .get_or_try_init(async || {
                let own_queue = &self.shared.own_queue;
                let own = &self.shared.stations[self.shared.shard_of_queue(own_queue)];
                own.show_life(&self.shared.alive_key(own_queue)).await?;
                // Who may not read what comes is told now, not by the log alone.
                let mut watch = Watch::open(own.host(), 0, self.shared.patience).await?;
                watch.subscribe(&self.shared.keys.queue(own_queue)).await?;
                drop(watch);
                for at in 0..self.shared.stations.len() {
                    let reader = QueueReader::new(self.shared.clone(), at);
                    self.spawn(supervise_state(
                        "reader of a Redis queue",
                        reader,
                        |mut reader| async move { reader.run().await },
                    ))?;
                    let keeper = Keeper::new(self.shared.clone(), at);
                    self.spawn(supervise_state(
                        "keeper of Redis memberships",
                        keeper,
                        |mut keeper| async move { keeper.run().await },
                    ))?;
                }
                Ok(())
            })
            .await
            .copied()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result {
        let runtime = Handle::try_current()
            .map_err(|error| Error::caused(ErrorKind::Layer, "there is no runtime", error))?;
        self.tasks().spawn_on(task, &runtime);
        Ok(())
    }

    /// Where the events of a channel come in.
    fn intake(&self, channel: &ChannelName) -> Result<Arc<Intake>> {
        let mut intakes = self.intakes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(intake) = intakes.get(channel) {
            return Ok(Arc::clone(intake));
        }
        let intake = Arc::new(Intake::default());
        for at in 0..self.shared.stations.len() {
            let taker = self.taker(channel, &intake, at);
            self.spawn(supervise_state(
                "receiver of a Redis channel",
                taker,
                |taker| async move { taker.run().await },
            ))?;
        }
        intakes.insert(channel.clone(), Arc::clone(&intake));
        Ok(intake)
    }

    fn taker(&self, channel: &ChannelName, intake: &Arc<Intake>, at: usize) -> Taker {
        Taker {
            shared: Arc::clone(&self.shared),
            intake: Arc::clone(intake),
            key: self.shared.keys.queue(channel.as_str()),
            channel: channel.clone(),
            at,
        }
    }

    async fn add(&self, group: GroupName<'_>, channel: &ChannelName) -> Result {
        self.shared.hub.check_open()?;
        check_is_connection(channel)?;
        check_core_channel(channel)?;
        let membership = Membership {
            group: Shared::group_name(group)?,
            channel: channel.to_string(),
        };
        // A channel of another process is its own process' business.
        let is_own = channel.as_str().starts_with(&self.shared.own_queue);
        let station = self.shared.station_of_group(&membership.group);
        if !is_own {
            return station.join(membership, false).await;
        }
        let group = membership.group.clone();
        self.shared.enter(&group, channel)?;
        let joined = station.join(membership, true).await;
        if joined.is_err() {
            self.shared.leave(&group, channel)?;
        }
        joined
    }

    async fn discard(&self, group: GroupName<'_>, channel: &ChannelName) -> Result {
        self.shared.hub.check_open()?;
        let membership = Membership {
            group: Shared::group_name(group)?,
            channel: channel.to_string(),
        };
        self.shared.leave(&membership.group, channel)?;
        let station = self.shared.station_of_group(&membership.group);
        station.leave(membership).await
    }

    async fn receive(&self, channel: &ChannelName) -> Result<Event> {
        self.shared.hub.check_open()?;
        check_is_queue(channel)?;
        let intake = self.intake(channel)?;
        tokio::select! {
            event = intake.next() => Ok(event),
            () = self.shared.until_closed() => Err(Error::new(ErrorKind::Layer, "the channel layer is closed")),
        }
    }

    /// Stops listening, and takes what is this process' out of Redis where that can be done.
    async fn close(&self) {
        if self.shared.hub.check_open().is_err() {
            return;
        }
        self.shared.close();
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
        // A host that is away leaves nothing behind at the others.
        let hosts = 0..self.shared.stations.len();
        for cleared in join_all(hosts.map(|at| self.clear(at))).await {
            if let Err(error) = cleared {
                tracing::warn!(%error, "what this process has in Redis stays until it expires");
            }
        }
        for station in &self.shared.stations {
            station.commands.close();
            station.rosters.forget(None);
        }
    }

    async fn clear(&self, at: usize) -> Result {
        let station = &self.shared.stations[at];
        station.take_out_all().await?;
        for taker in self.takers(at) {
            taker.close().await?;
        }
        self.shared.remove_own_keys(station).await
    }

    /// For all channels.
    fn takers(&self, at: usize) -> Vec<Taker> {
        let intakes = self.intakes.lock().unwrap_or_else(PoisonError::into_inner);
        let takers = intakes.iter();
        let takers = takers.map(|(channel, intake)| self.taker(channel, intake, at));
        takers.collect()
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChannelLayer for RedisChannelLayer {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        let opened = self.shared().hub.open(receiver).map(|channel| {
            let name = channel.name().clone();
            let shared = Arc::clone(self.shared());
            Channel::new(name, Guard { shared, channel })
        });
        if self.0.started.initialized() || opened.is_err() {
            return LayerFuture::ready(opened);
        }
        LayerFuture::waiting(async {
            self.0.start().await?;
            opened
        })
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        LayerFuture::waiting(async move {
            let sent = self.shared().send(channel, &event).await;
            sent.map_err(|error| error.with_unsent(event))
        })
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::waiting(self.0.add(group, channel))
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::waiting(self.0.discard(group, channel))
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        LayerFuture::waiting(async move {
            let sent = self.shared().group_send(group, &event, except).await;
            sent.map_err(|error| error.with_unsent(event))
        })
    }

    fn receive<'a>(&'a self, channel: &'a ChannelName) -> LayerFuture<'a, Event> {
        LayerFuture::waiting(self.0.receive(channel))
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        LayerFuture::waiting(self.shared().flush())
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        LayerFuture::waiting(async {
            self.0.close().await;
            Ok(())
        })
    }
}

impl fmt::Debug for RedisChannelLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.shared().stations.iter().map(Station::host);
        f.debug_struct("RedisChannelLayer")
            .field("hosts", &hosts.collect::<Vec<_>>())
            .field("channels", &self.channel_count())
            .finish_non_exhaustive()
    }
}
