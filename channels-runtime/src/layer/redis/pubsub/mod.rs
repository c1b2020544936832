//! The layer over Redis' pub/sub, in the format of `channels_redis.pubsub`.

mod builder;
mod cluster;
mod listener;
mod places;
mod shared;
mod topics;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub use self::builder::RedisPubSubChannelLayerBuilder;
use self::cluster::Steward;
use self::listener::Listener;
use self::places::Places;
use self::shared::Shared;
use super::url::RedisUrl;
use crate::layer::{Channel, ChannelLayer, Delivery, LayerFuture, Receiver};
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// A channel layer over Redis' pub/sub: the one to use where servers are more than one.
///
/// It speaks the format of `channels_redis.pubsub.RedisPubSubChannelLayer`, so a Django site on the
/// same Redis (6 or later, or Valkey) sends to our consumers and they to its own.
///
/// # What it costs
///
/// A group send is one `PUBLISH`, however many members there are and wherever they are. A process
/// subscribes once to a group, whoever joins it: each further join is no command. A channel of its
/// own costs Redis nothing, for a process listens to all of its channels by one pattern.
///
/// # Delivery
///
/// At most once. What is sent reaches this process' own members by Redis too, so all members see
/// one order; with several hosts, one order for each group and each channel. Nothing is stored: an
/// event is for those who listen when it is published. Whether a mailbox is full is known, and
/// counted, where it is: [`send`](ChannelLayer::send) does not fail with
/// [`ErrorKind::ChannelFull`]. [`Delivery::matched`] counts the members in this process, and the
/// other two are 0. The channel that a group send leaves out is a field of the message, which a
/// Django site does not look at: its own channels are never left out.
///
/// A user of Redis with an ACL needs `allchannels`, for the pattern, and the commands `PUBLISH`,
/// `SUBSCRIBE`, `UNSUBSCRIBE`, `PSUBSCRIBE`, `PING`, `HELLO` and `SELECT`; where it is sharded
/// `SPUBLISH`, `SSUBSCRIBE`, `SUNSUBSCRIBE` and `CLUSTER SLOTS`, `CLUSTER NODES`,
/// `CLUSTER INFO` and `ROLE` instead.
///
/// A membership counts when the event arrives at the process. A channel's name is its topic, so a
/// send to a name that is not one of this layer's channels fails with [`ErrorKind::Name`].
///
/// There are no queues for workers: [`receive`](ChannelLayer::receive) fails.
///
/// # When Redis is away
///
/// Sockets stay. Connections come back by themselves, and so do subscriptions; an attempt follows
/// after 50 ms, and later ones after up to two seconds. Then each channel that may have missed
/// something gets the event `layer.gap` with the field `since`: the last sign of Redis, in seconds
/// since 1970.
///
/// # Errors
///
/// Its methods fail with:
///
/// - [`ErrorKind::Unavailable`] if Redis cannot be reached or does not answer for five seconds, or
///   what [`timeout`](RedisPubSubChannelLayerBuilder::timeout) says. A send gives the event back; if
///   Redis was there and has not answered, others may have got it nevertheless;
/// - [`ErrorKind::Config`] if Redis refuses the program: its password, its rights, its own version;
/// - [`ErrorKind::Encode`] if an event does not fit into the format, or is larger than
///   [`max_message`](RedisPubSubChannelLayerBuilder::max_message);
/// - [`ErrorKind::Name`] if a group's name is too long for Channels, or a channel is not one of this
///   layer's;
/// - [`ErrorKind::Layer`] if Redis refuses a command (out of memory, say), or the layer is closed.
///
/// # Cancel safety
///
/// A send that is dropped before its end may or may not be sent, and a join that is dropped may or
/// may not have made the channel a member.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::{ChannelLayers, RedisPubSubChannelLayer};
///
/// # fn example() -> channels_runtime::Result {
/// let layer = RedisPubSubChannelLayer::open("redis+pubsub://localhost:6379/0?prefix=asgi")?;
/// let layers = ChannelLayers::new(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisPubSubChannelLayer(Arc<Layer>);

struct Layer {
    shared: Arc<Shared>,
    /// One for each host, from the first channel on.
    listeners: Mutex<Vec<JoinHandle<()>>>,
}

impl RedisPubSubChannelLayer {
    /// Opens a layer by its URL:
    /// `redis+pubsub://[[user]:password@]host[:port][,host[:port]…][/database][?option=value&…]`.
    /// The first connections are made when they are needed.
    ///
    /// - `rediss+pubsub` is TLS, with the system's certificates or those of the environment's
    ///   `SSL_CERT_FILE`;
    /// - several hosts share the groups, as with `channels_redis`: write them in its order;
    /// - `redis+pubsub+sentinel://host[:port],…/master[/database]` asks Sentinel for the master;
    /// - `redis+pubsub+cluster://node[:port],…` is a cluster: any node that can be reached, or with
    ///   `?sharded=true` the one that a group belongs to, see
    ///   [`sharded`](RedisPubSubChannelLayerBuilder::sharded);
    /// - `redis+pubsub+unix:///run/redis.sock` is a socket;
    /// - `valkey` is the same as `redis`, `valkeys` as `rediss`, and `unix` as `redis+unix`.
    ///
    /// The options of the connection are `db`, `username`, `password`, `sentinel_username`,
    /// `sentinel_password`, and for TLS, as with redis-py, `ssl_ca_certs`, `ssl_certfile`,
    /// `ssl_keyfile`, `ssl_cert_reqs` (`required`, `none`), `ssl_check_hostname` (`true`, `false`). Those
    /// of the layer are `prefix`, `format` (`msgpack`, `json`), `encryption_key` (more than once, the
    /// first one encrypts), `timeout` in seconds, `max_message` in bytes, `sharded`. Characters that mean
    /// something in a URL are percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], saying what is wrong. It does not show the password.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::RedisPubSubChannelLayer;
    ///
    /// let error = RedisPubSubChannelLayer::open("redis+pubsub://:secret@localhost?prefx=a").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the URL of Redis is wrong: option 1 is unknown; \
    ///      known: prefix, format, encryption_key, timeout, max_message, sharded, db, username, \
    ///      password, sentinel_username, sentinel_password, ssl_ca_certs, ssl_certfile, \
    ///      ssl_keyfile, ssl_cert_reqs, ssl_check_hostname"
    /// );
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        Self::builder().url(url)?.build()
    }

    /// Everything that can be told, by itself.
    pub fn builder() -> RedisPubSubChannelLayerBuilder {
        RedisPubSubChannelLayerBuilder::default()
    }

    /// How many channels are open in this process.
    pub fn channel_count(&self) -> usize {
        self.0.shared.hub.channel_count()
    }

    /// How many groups have members in this process.
    pub fn group_count(&self) -> usize {
        self.0.shared.hub.group_count()
    }

    /// How many messages were dropped because they are not events, such as those of a program with
    /// another encryption key or format. They are logged with their group or channel and the reason.
    pub fn undecodable_count(&self) -> u64 {
        self.0.shared.undecodable()
    }

    pub(super) fn from_url(url: &RedisUrl) -> Result<Self> {
        Self::builder().parsed(url)?.build()
    }

    fn new(shared: Shared) -> Self {
        Self(Arc::new(Layer {
            shared: Arc::new(shared),
            listeners: Mutex::default(),
        }))
    }
}

impl Layer {
    /// Sees that somebody listens at each host; also after the runtime has ended in which they did.
    fn listen(&self) -> Result {
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !listeners.is_empty() && !listeners.iter().any(JoinHandle::is_finished) {
            return Ok(());
        }
        let runtime = Handle::try_current().map_err(|error| {
            let what = "a Redis layer is used inside of a tokio runtime";
            Error::caused(ErrorKind::Layer, what, error)
        })?;
        listeners.drain(..).for_each(|listener| listener.abort());
        match &*self.shared.places {
            Places::Hosts(stations) => {
                for station in stations {
                    station.topics.begin();
                    let listener = Listener::new(Arc::clone(&self.shared), Arc::clone(station));
                    listeners.push(runtime.spawn(listener.supervised()));
                }
            }
            Places::Cluster(cluster) => {
                let steward = Steward::new(Arc::clone(&self.shared), Arc::clone(cluster));
                listeners.push(runtime.spawn(steward.supervised()));
            }
        }
        Ok(())
    }

    fn stop_listening(&self) {
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.drain(..).for_each(|listener| listener.abort());
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

impl ChannelLayer for RedisPubSubChannelLayer {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        let shared = &self.0.shared;
        let opened = shared.hub.open(receiver);
        let channel = match opened.and_then(|channel| self.0.listen().map(|()| channel)) {
            Ok(channel) => channel,
            Err(error) => return LayerFuture::ready(Err(error)),
        };
        if shared.is_heard(channel.name()) {
            return LayerFuture::ready(Ok(channel));
        }
        LayerFuture::waiting(async move {
            shared.until_heard(channel.name()).await?;
            Ok(channel)
        })
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        LayerFuture::waiting(async move {
            let sent = self.0.shared.send(channel, &event).await;
            sent.map_err(|error| error.with_unsent(event))
        })
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        let shared = &self.0.shared;
        let joined = shared.topic(group).and_then(|topic| {
            let is_new = shared.hub.group_add(&topic, channel)?;
            Ok((topic, is_new))
        });
        let (topic, is_new) = match joined {
            Ok(joined) => joined,
            Err(error) => return LayerFuture::ready(Err(error)),
        };
        if shared.hears(&topic) {
            return LayerFuture::ready(Ok(()));
        }
        LayerFuture::waiting(async move {
            let heard = shared.until_hears(&topic).await;
            if heard.is_err() && is_new {
                shared.hub.group_discard(&topic, channel)?;
            }
            heard
        })
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        let shared = &self.0.shared;
        let topic = shared.topic(group);
        LayerFuture::ready(topic.and_then(|topic| shared.hub.group_discard(&topic, channel)))
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        LayerFuture::waiting(async move {
            let sent = self.0.shared.group_send(group, &event, except).await;
            sent.map_err(|error| error.with_unsent(event))
        })
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        LayerFuture::waiting(self.0.shared.hub.flush())
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.0.shared.close();
        self.0.stop_listening();
        LayerFuture::ready(Ok(()))
    }
}

impl fmt::Debug for RedisPubSubChannelLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stations = self.0.shared.places.all();
        f.debug_struct("RedisPubSubChannelLayer")
            .field(
                "hosts",
                &stations
                    .iter()
                    .map(|it| it.commands.host())
                    .collect::<Vec<_>>(),
            )
            .field("channels", &self.channel_count())
            .field("groups", &self.group_count())
            .finish()
    }
}
