//! What goes out and what comes in, between the hub of this process and the hosts.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::Cmd;

use super::super::body::Body;
use super::super::gap::gap;
use super::super::keys::Keys;
use super::super::member::CHANNEL;
use super::super::options::Options;
use super::super::refused::{Found, Refused};
use super::cluster::Cluster;
use super::places::{Places, Station};
use super::topics::Wish;
use crate::event::{Fields, Value};
use crate::layer::Delivery;
use crate::layer::hub::{Hub, Names};
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// The field that names the channel which a group send leaves out. Only such sends have it;
/// handlers of a Django site do not look at it, so its own channels are never left out.
const EXCEPT: &str = "__asgi_except__";

pub(super) struct Shared {
    /// The channels of this process; its groups are topics.
    pub(super) hub: Hub,
    pub(super) places: Arc<Places>,
    /// What this process listens to for its channels' own sake: the pattern that all of their names
    /// match, at each host; or, in a cluster, the topic of them all, where no pattern is.
    own: Arc<str>,
    pub(super) patience: Duration,
    keys: Keys,
    body: Body,
    max_message: usize,
    refused: Refused,
}

/// How many digits a channel has of its own.
const DIGITS: usize = 16;

impl Shared {
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] if the operating system has no random bytes.
    pub(super) fn new(options: &Options, is_sharded: bool, max_message: usize) -> Result<Self> {
        let keys = options.keys();
        let random = getrandom::u64()
            .map_err(|error| Error::caused(ErrorKind::Layer, "there are no random bytes", error))?;
        // A Django site makes 32 random digits; ours are those of the process, and of the channel.
        let prefix = keys.pubsub_channel(&format!("{random:016x}"));
        let (places, own) = match &options.hosts()?[..] {
            [host] if is_sharded => {
                let cluster = Cluster::new(host.clone(), options.patience);
                (Places::Cluster(Arc::new(cluster)), prefix.clone())
            }
            hosts => {
                let places = Places::hosts(hosts, options.patience);
                (places, format!("{}*", escaped(&prefix)))
            }
        };
        let places = Arc::new(places);
        let turned = {
            let places = Arc::clone(&places);
            move |topic: &Arc<str>, turn| {
                if let Some(station) = places.station(topic) {
                    station.topics.turn(topic, turn);
                }
            }
        };
        let digits = DIGITS;
        Ok(Self {
            hub: Hub::new(Names { prefix, digits }, Some(Box::new(turned))),
            places,
            own: own.into(),
            patience: options.patience,
            keys,
            body: options.body(),
            max_message,
            refused: Refused::default(),
        })
    }

    /// The topic of a group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] if the name is too long for Channels.
    pub(super) fn topic(&self, group: GroupName<'_>) -> Result<String> {
        Ok(self.keys.topic(&group.to_wire()?))
    }

    fn is_sharded(&self) -> bool {
        matches!(*self.places, Places::Cluster(_))
    }

    pub(super) fn undecodable(&self) -> u64 {
        self.refused.count()
    }

    pub(super) fn close(&self) {
        self.hub.close();
        for station in self.places.all() {
            station.commands.close();
        }
    }
}

/// What is heard.
impl Shared {
    /// All topics that this process wants.
    pub(super) fn topics(&self) -> Vec<Arc<str>> {
        let mut topics = self.hub.groups();
        topics.push(Arc::clone(&self.own));
        topics
    }

    pub(super) fn is_wanted(&self, topic: &str) -> bool {
        topic == &*self.own || self.hub.member_count(topic) > 0
    }

    /// What is wanted of a topic at this station.
    pub(super) fn wish(&self, station: &Arc<Station>, topic: &str) -> Wish {
        let is_everywhere = topic == &*self.own && !self.is_sharded();
        if !self.is_wanted(topic) {
            Wish::None
        } else if is_everywhere || self.is_at(station, topic) {
            Wish::Here
        } else {
            Wish::Elsewhere
        }
    }

    fn is_at(&self, station: &Arc<Station>, name: &str) -> bool {
        let owner = self.places.station(name);
        owner.is_some_and(|owner| Arc::ptr_eq(&owner, station))
    }

    /// The command that begins to listen to a topic.
    pub(super) fn subscribe(&self, topic: &str) -> Cmd {
        let verb = match &*self.places {
            Places::Cluster(_) => "SSUBSCRIBE",
            Places::Hosts(_) if topic == &*self.own => "PSUBSCRIBE",
            Places::Hosts(_) => "SUBSCRIBE",
        };
        redis::cmd(verb).arg(topic).take()
    }

    /// The command that ends that.
    pub(super) fn unsubscribe(&self, topic: &str) -> Cmd {
        let verb = if self.is_sharded() {
            "SUNSUBSCRIBE"
        } else {
            "UNSUBSCRIBE"
        };
        redis::cmd(verb).arg(topic).take()
    }

    /// Whether a group's members in this process hear what is sent to it.
    pub(super) fn hears(&self, topic: &str) -> bool {
        self.places.hears(topic, topic)
    }

    /// Waits until they do.
    ///
    /// # Errors
    ///
    /// As [`Topics::until_hears`](super::topics::Topics::until_hears).
    pub(super) async fn until_hears(&self, topic: &str) -> Result {
        self.places.until_hears(topic, topic, self.patience).await
    }

    /// Whether a channel of this process hears what is sent to it.
    pub(super) fn is_heard(&self, channel: &ChannelName) -> bool {
        self.places.hears(self.place(channel), &self.own)
    }

    /// Waits until it does.
    ///
    /// # Errors
    ///
    /// As [`Topics::until_hears`](super::topics::Topics::until_hears).
    pub(super) async fn until_heard(&self, channel: &ChannelName) -> Result {
        let place = self.place(channel);
        self.places
            .until_hears(place, &self.own, self.patience)
            .await
    }

    /// The name by which the station is found that has a channel of this process.
    fn place<'a>(&'a self, channel: &'a ChannelName) -> &'a str {
        if self.is_sharded() {
            &self.own
        } else {
            channel.as_str()
        }
    }

    /// Tells those channels that hear a station again what they have missed.
    pub(super) fn tell_of_gap(&self, station: &Arc<Station>) {
        let Some((topics, since)) = station.topics.take_missed() else {
            return;
        };
        let Ok(gap) = gap(since) else { return };
        let all_own = topics.contains(&self.own);
        let is_own = |channel: &str| all_own && (self.is_sharded() || self.is_at(station, channel));
        self.hub.tell(&gap, |channel, groups| {
            is_own(channel) || groups.iter().any(|topic| topics.contains(topic))
        });
    }
}

/// What goes out.
impl Shared {
    pub(super) async fn group_send(
        &self,
        group: GroupName<'_>,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<Delivery> {
        event.check_sendable(Some(group))?;
        let topic = self.topic(group)?;
        let matched = self.hub.member_count(&topic);
        let except_for = except.map(|channel| (EXCEPT, channel));
        self.publish(&topic, event, except_for).await?;
        let is_member = |channel| self.hub.is_member(&topic, channel);
        Ok(Delivery {
            matched: matched - usize::from(matched > 0 && except.is_some_and(is_member)),
            ..Delivery::default()
        })
    }

    pub(super) async fn send(&self, channel: &ChannelName, event: &Event) -> Result {
        event.check_sendable(None)?;
        self.keys.check_pubsub_channel(channel)?;
        let name = channel.as_str();
        if !self.is_sharded() {
            return self.publish(name, event, None).await;
        }
        // It goes to all channels of its process, by the topic that they have in common.
        let common = name.len().checked_sub(DIGITS);
        match common.and_then(|length| name.get(..length)) {
            Some(topic) => self.publish(topic, event, Some((CHANNEL, channel))).await,
            None => Ok(()), // No process has such a channel.
        }
    }

    /// Publishes an event, with the name of a channel in a field of the layer's own.
    async fn publish(
        &self,
        topic: &str,
        event: &Event,
        own_field: Option<(&'static str, &ChannelName)>,
    ) -> Result {
        self.hub.check_open()?;
        let payload = self.write(event, own_field)?;
        let verb = if self.is_sharded() {
            "SPUBLISH"
        } else {
            "PUBLISH"
        };
        let command = redis::cmd(verb).arg(topic).arg(payload).take();
        self.places.run(topic, &command).await
    }

    fn write(
        &self,
        event: &Event,
        own_field: Option<(&'static str, &ChannelName)>,
    ) -> Result<Vec<u8>> {
        let mut fields = event.to_fields()?;
        let is_own = |name: &str| name == EXCEPT || self.is_sharded() && name == CHANNEL;
        if let Some(name) = [EXCEPT, CHANNEL]
            .into_iter()
            .find(|name| is_own(name) && fields.contains(name))
        {
            let what = format!("an event cannot have a field `{name}`");
            return Err(Error::new(ErrorKind::Encode, what));
        }
        if let Some((name, channel)) = own_field {
            fields.push(name, Value::Text(channel.to_string()));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let payload = self.body.write(fields, now.unwrap_or_default().as_secs())?;
        if payload.len() > self.max_message {
            let what = format!(
                "the event has {} bytes, at most {} are sent",
                payload.len(),
                self.max_message
            );
            return Err(Error::new(ErrorKind::Encode, what));
        }
        Ok(payload)
    }
}

/// What comes in.
impl Shared {
    pub(super) fn take_for_topic(&self, station: &Station, topic: &[u8], payload: &[u8]) {
        let Ok(topic) = std::str::from_utf8(topic) else {
            return;
        };
        if !station.topics.takes(topic) {
            return;
        }
        if topic == &*self.own {
            return self.take_for_own(payload);
        }
        if self.hub.member_count(topic) == 0 {
            return; // The last one has left just now.
        }
        let found = match self.keys.group_of_topic(topic) {
            Some(group) => Found::group(group),
            None => Found::channel(topic),
        };
        if let Some((event, except)) = self.read(payload, EXCEPT, found) {
            let except = except.and_then(|name| ChannelName::new(&name).ok());
            // It fails if the layer is closed.
            let _ = self.hub.group_send(topic, &event, except.as_ref());
        }
    }

    pub(super) fn take_for_channel(&self, channel: &[u8], payload: &[u8]) {
        let Ok(channel) = std::str::from_utf8(channel) else {
            return;
        };
        if let Some((event, _)) = self.read(payload, EXCEPT, Found::channel(channel)) {
            // If its mailbox is full, the receiver has counted that.
            self.hub.deliver(channel, &event);
        }
    }

    fn take_for_own(&self, payload: &[u8]) {
        let found = Found::channel(&self.own);
        match self.read(payload, CHANNEL, found) {
            Some((event, Some(channel))) => {
                self.hub.deliver(&channel, &event);
            }
            Some((_, None)) => {
                let what = format!("it has no field `{CHANNEL}` with the name of a channel");
                self.refused
                    .dropped(found, &Error::new(ErrorKind::Decode, what));
            }
            None => {}
        }
    }

    /// Decodes a message, once for all of its receivers, and takes a field of the layer's own out of
    /// it. A message that is not an event is counted, logged and dropped.
    fn read(
        &self,
        payload: &[u8],
        own_field: &str,
        found: Found<'_>,
    ) -> Option<(Event, Option<String>)> {
        let read = self.check_size(payload).and_then(|()| {
            let mut fields: Fields = self.body.read(payload, None)?;
            let channel = match fields.remove(own_field) {
                Some(Value::Text(channel)) => Some(channel),
                _ => None,
            };
            Ok((Event::received(fields, found.group)?, channel))
        });
        read.inspect_err(|error| self.refused.dropped(found, error))
            .ok()
    }

    fn check_size(&self, payload: &[u8]) -> Result {
        if payload.len() > self.max_message {
            let what = format!(
                "the message has {} bytes, at most {} are taken (`max_message`)",
                payload.len(),
                self.max_message
            );
            return Err(Error::new(ErrorKind::Decode, what));
        }
        Ok(())
    }
}

/// As a pattern that matches itself alone.
fn escaped(text: &str) -> String {
    let special = |char| matches!(char, '*' | '?' | '[' | ']' | '\\' | '^');
    text.chars()
        .flat_map(|char| special(char).then_some('\\').into_iter().chain([char]))
        .collect()
}
