//! What goes out.

use std::collections::BTreeMap;

use super::super::connection::Connection;
use super::super::keys::non_local_name;
use super::super::member::Recipients;
use super::scripts::PUSH;
use super::shared::{Shared, shows_life, unix_seconds, unix_time};
use crate::layer::Delivery;
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// One event for one queue.
struct Parcel {
    key: String,
    member: Vec<u8>,
    capacity: usize,
    /// How many channels it is for.
    channels: usize,
}

impl Shared {
    /// # Errors
    ///
    /// [`ErrorKind::ChannelFull`] if the channel's queue has no room; else as
    /// [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn send(&self, channel: &ChannelName, event: &Event) -> Result {
        self.hub.check_open()?;
        let name = channel.as_str();
        let recipients = if channel.is_specific() {
            Recipients::One(name)
        } else {
            Recipients::Queue
        };
        let parcel = self.parcel(name, event, recipients, 1)?;
        let sent = self.push(self.host_of_channel(channel), &[parcel]).await?;
        if sent == [true] {
            return Ok(());
        }
        let full = format!("the channel `{channel}` is full");
        Err(Error::new(ErrorKind::ChannelFull, full))
    }

    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run), for the first host that
    /// fails. Members on other hosts may have the event.
    pub(super) async fn group_send(
        &self,
        group: GroupName<'_>,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<Delivery> {
        self.hub.check_open()?;
        let group = Self::group_name(group)?;
        let mut delivery = Delivery::default();
        for (host, parcels) in self.parcels(&group, event, except).await? {
            let sent = self.push(&self.hosts[host], &parcels).await?;
            for (parcel, sent) in parcels.iter().zip(sent) {
                delivery.matched += parcel.channels;
                if !sent {
                    delivery.dropped += parcel.channels;
                }
            }
        }
        Ok(delivery)
    }

    /// What a group send brings to which host.
    async fn parcels(
        &self,
        group: &str,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<BTreeMap<usize, Vec<Parcel>>> {
        let members = self.living_members(group).await?;
        let mut queues: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for member in &members {
            if except.is_none_or(|except| except.as_str() != member) {
                queues
                    .entry(non_local_name(member))
                    .or_default()
                    .push(member);
            }
        }
        let mut hosts: BTreeMap<usize, Vec<Parcel>> = BTreeMap::new();
        for (queue, channels) in queues {
            let recipients = Recipients::Many(&channels);
            let parcel = self.parcel(channels[0], event, recipients, channels.len())?;
            let host = self.shard_of_queue(queue);
            hosts.entry(host).or_default().push(parcel);
        }
        Ok(hosts)
    }

    /// The members of a group, without those whose time is over, and those of dead processes: these
    /// are taken out.
    async fn living_members(&self, group: &str) -> Result<Vec<String>> {
        let key = self.keys.group(group);
        let host = self.host_of_group(group);
        let oldest = unix_seconds().saturating_sub(self.bounds.group_expiry);
        let mut commands = redis::pipe();
        commands
            .cmd("ZREMRANGEBYSCORE")
            .arg(&key)
            .arg(0)
            .arg(oldest)
            .ignore();
        commands.cmd("ZRANGE").arg(&key).arg(0).arg(-1);
        let (members,): (Vec<String>,) = host.run_all(&commands).await?;
        let dead = self.dead_queues(&members).await?;
        if dead.is_empty() {
            return Ok(members);
        }
        let is_dead = |member: &String| dead.contains(&non_local_name(member).to_owned());
        let (gone, living): (Vec<_>, Vec<_>) = members.into_iter().partition(is_dead);
        let mut command = redis::cmd("ZREM");
        command.arg(&key).arg(gone);
        host.run::<()>(&command).await?;
        Ok(living)
    }

    /// The queues of processes of ours that have shown no sign of life for a while. A process shows it
    /// at each host; its queue's own is asked.
    async fn dead_queues(&self, members: &[String]) -> Result<Vec<String>> {
        let queues = members.iter().map(|member| non_local_name(member));
        let mut queues: Vec<_> = queues
            .filter(|queue| shows_life(queue) && *queue != self.own_queue)
            .collect();
        queues.sort_unstable();
        queues.dedup();
        let mut dead = Vec::new();
        for (at, host) in self.hosts.iter().enumerate() {
            let here = queues
                .iter()
                .filter(|queue| self.shard_of_queue(queue) == at);
            let here: Vec<_> = here.copied().collect();
            if here.is_empty() {
                continue;
            }
            let mut commands = redis::pipe();
            for queue in &here {
                commands.cmd("EXISTS").arg(self.alive_key(queue));
            }
            let alive: Vec<bool> = host.run_all(&commands).await?;
            let here = here.into_iter().zip(alive);
            dead.extend(
                here.filter(|(_, alive)| !alive)
                    .map(|(queue, _)| queue.to_owned()),
            );
        }
        Ok(dead)
    }

    fn parcel(
        &self,
        channel: &str,
        event: &Event,
        recipients: Recipients<'_>,
        channels: usize,
    ) -> Result<Parcel> {
        Ok(Parcel {
            key: self.keys.queue(channel),
            member: self.members.write(event, recipients, unix_seconds())?,
            capacity: self.capacities.of(channel),
            channels,
        })
    }

    /// Puts parcels into their queues, which one host has; tells which had room.
    async fn push(&self, host: &Connection, parcels: &[Parcel]) -> Result<Vec<bool>> {
        let keys: Vec<_> = parcels.iter().map(|parcel| parcel.key.as_str()).collect();
        let now = unix_time();
        let old = now.as_secs().saturating_sub(self.bounds.expiry);
        PUSH.run(host, &keys, |command| {
            for parcel in parcels {
                command.arg(&parcel.member);
            }
            for parcel in parcels {
                command.arg(parcel.capacity);
            }
            command
                .arg(now.as_secs_f64())
                .arg(old)
                .arg(self.bounds.expiry);
        })
        .await
    }
}
