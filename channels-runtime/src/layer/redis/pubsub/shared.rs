//! What goes out and what comes in, between the hub of this process and the hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::body::Body;
use super::super::connection::Connection;
use super::super::keys::Keys;
use super::super::options::Options;
use super::super::shard::shard;
use super::topics::Topics;
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
    pub(super) stations: Arc<[Station]>,
    hosts: u32,
    /// What the names of all channels of this process match.
    pub(super) pattern: String,
    pub(super) patience: Duration,
    keys: Keys,
    body: Body,
    max_message: usize,
    undecodable: AtomicU64,
}

/// A host, as this process sees it.
pub(super) struct Station {
    pub(super) commands: Connection,
    pub(super) topics: Topics,
}

impl Station {
    pub(super) async fn until_hears(&self, topic: Option<&str>, patience: Duration) -> Result {
        self.topics
            .until_hears(topic, self.commands.host(), patience)
            .await
    }
}

impl Shared {
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] if the operating system has no random bytes.
    pub(super) fn new(options: &Options, max_message: usize) -> Result<Self> {
        let keys = options.keys();
        let random = getrandom::u64()
            .map_err(|error| Error::caused(ErrorKind::Layer, "there are no random bytes", error))?;
        // A Django site makes 32 random digits; ours are those of the process, and of the channel.
        let prefix = keys.pubsub_channel(&format!("{random:016x}"));
        let pattern = format!("{}*", escaped(&prefix));
        let stations: Arc<[Station]> = options
            .hosts()?
            .into_iter()
            .map(|host| Station {
                commands: Connection::new(host, options.patience),
                topics: Topics::default(),
            })
            .collect();
        let hosts = u32::try_from(stations.len()).unwrap_or(u32::MAX);
        let turned = {
            let stations = Arc::clone(&stations);
            move |topic: &Arc<str>| stations[shard(topic, hosts)].topics.turn(topic)
        };
        let names = Names { prefix, digits: 16 };
        Ok(Self {
            hub: Hub::new(names, Some(Box::new(turned))),
            stations,
            hosts,
            pattern,
            patience: options.patience,
            keys,
            body: options.body(),
            max_message,
            undecodable: AtomicU64::new(0),
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

    pub(super) fn station(&self, topic: &str) -> &Station {
        &self.stations[self.shard(topic)]
    }

    pub(super) fn shard(&self, topic: &str) -> usize {
        shard(topic, self.hosts)
    }

    pub(super) fn undecodable(&self) -> u64 {
        self.undecodable.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.hub.close();
        for station in &*self.stations {
            station.commands.close();
        }
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
        let topic = self.topic(group)?;
        let matched = self.hub.member_count(&topic);
        self.publish(&topic, event, except).await?;
        let is_member = |channel| self.hub.is_member(&topic, channel);
        Ok(Delivery {
            matched: matched - usize::from(matched > 0 && except.is_some_and(is_member)),
            ..Delivery::default()
        })
    }

    pub(super) async fn publish(
        &self,
        topic: &str,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result {
        let payload = self.write(event, except)?;
        let mut command = redis::cmd("PUBLISH");
        command.arg(topic).arg(payload);
        self.station(topic).commands.run(&command).await
    }

    fn write(&self, event: &Event, except: Option<&ChannelName>) -> Result<Vec<u8>> {
        let mut fields = event.to_fields()?;
        if fields.contains(EXCEPT) {
            let what = format!("an event cannot have a field `{EXCEPT}`");
            return Err(Error::new(ErrorKind::Encode, what));
        }
        if let Some(channel) = except {
            fields.push(EXCEPT, Value::Text(channel.to_string()));
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
    pub(super) fn take_for_group(&self, topic: &[u8], payload: &[u8]) {
        let Ok(topic) = std::str::from_utf8(topic) else {
            return;
        };
        if self.hub.member_count(topic) == 0 {
            return; // The last one has left just now.
        }
        if let Some((event, except)) = self.read(payload) {
            // It fails if the layer is closed.
            let _ = self.hub.group_send(topic, &event, except.as_ref());
        }
    }

    pub(super) fn take_for_channel(&self, channel: &[u8], payload: &[u8]) {
        if let (Ok(channel), Some((event, _))) = (std::str::from_utf8(channel), self.read(payload))
        {
            // If its mailbox is full, the receiver has counted that.
            self.hub.deliver(channel, &event);
        }
    }

    /// Decodes a message, once for all of its receivers; what is none is counted and dropped.
    fn read(&self, payload: &[u8]) -> Option<(Event, Option<ChannelName>)> {
        let read = self.check_size(payload).and_then(|()| {
            let mut fields: Fields = self.body.read(payload, None)?;
            let except = fields.remove(EXCEPT);
            Ok((Event::from_fields(fields)?, except))
        });
        match read {
            Ok((event, Some(Value::Text(except)))) => Some((event, ChannelName::new(&except).ok())),
            Ok((event, _)) => Some((event, None)),
            Err(error) => {
                self.undecodable.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%error, source = error.source_text(), "a message that is no event");
                None
            }
        }
    }

    fn check_size(&self, payload: &[u8]) -> Result {
        if payload.len() > self.max_message {
            let what = format!("the message has {} bytes", payload.len());
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
