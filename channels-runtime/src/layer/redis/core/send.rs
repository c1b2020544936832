//! What goes out.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::super::keys::non_local_name;
use super::super::member::Recipients;
use super::census::Census;
use super::scripts::PUSH;
use super::shared::{Shared, shows_life, unix_seconds};
use crate::layer::Delivery;
use crate::{ChannelName, Error, Event, GroupName, Result};

/// One event for one queue.
struct Parcel {
    key: String,
    /// The key that shows that the queue's process lives, if it shows that.
    alive_key: Option<String>,
    member: Vec<u8>,
    capacity: usize,
    /// Whom it is for.
    channels: Vec<String>,
}

/// What became of a parcel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Queued,
    Full,
    /// Nobody will ever read that queue.
    Dead,
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
        let member = self.members.write(event, recipients, unix_seconds())?;
        let parcel = self.parcel(vec![name.to_owned()], member);
        let sent = self.push(self.shard_of_channel(channel), &[parcel]).await?;
        if sent == [Sent::Full] {
            return Err(Error::channel_full(channel, event.clone()));
        }
        Ok(())
    }

    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run), for the first host that
    /// fails. Members on other hosts have the event.
    pub(super) async fn group_send(
        &self,
        group: GroupName<'_>,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<Delivery> {
        self.hub.check_open()?;
        let group = Self::group_name(group)?;
        let mut members = self.members(&group).await?;
        members.retain(|member| except.is_none_or(|except| except.as_str() != member));
        let hosts = self.parcels(&group, members, event, except)?;
        let pushed = hosts.iter().map(|(at, parcels)| self.push(*at, parcels));
        let pushed = join_all(pushed).await;

        let (mut delivery, mut dead) = (Delivery::default(), Vec::new());
        let mut result = Ok(());
        for ((_, parcels), sent) in hosts.iter().zip(pushed) {
            match sent {
                Ok(sent) => count(parcels, &sent, &mut delivery, &mut dead),
                Err(error) => result = result.and(Err(error)),
            }
        }
        if !dead.is_empty() {
            self.take_out_dead(&group, &dead).await;
        }
        result.map(|()| delivery)
    }

    /// The members of a group, without those whose time is over.
    pub(super) async fn members(&self, group: &str) -> Result<Vec<String>> {
        let key = self.keys.group(group);
        let oldest = unix_seconds().saturating_sub(self.bounds.group_expiry);
        let mut commands = redis::pipe();
        commands.zrembyscore(&key, 0, oldest).ignore();
        commands.zrange(&key, 0, -1);
        let station = self.station_of_group(group);
        let (members,): (Vec<Vec<u8>>,) = station.commands.run_all(&commands).await?;
        let members = members.into_iter().map(String::from_utf8);
        // What is no text is no channel; somebody else has put it there.
        Ok(members.filter_map(std::result::Result::ok).collect())
    }

    /// What a group send brings to which host: one parcel for each queue.
    fn parcels(
        &self,
        group: &str,
        members: Vec<String>,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<BTreeMap<usize, Vec<Parcel>>> {
        let mut queues: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for member in members {
            let queue = non_local_name(&member);
            if let Some(channels) = queues.get_mut(queue) {
                channels.push(member);
            } else {
                queues.insert(queue.to_owned(), vec![member]);
            }
        }
        let mut hosts: BTreeMap<usize, Vec<Parcel>> = BTreeMap::new();
        for (queue, channels) in queues {
            let names: Vec<_> = channels.iter().map(String::as_str).collect();
            let census = shows_life(&queue).then(|| Census::of_names(names.iter().copied()));
            let recipients = match census.flatten() {
                Some(census) => Recipients::Group {
                    name: group,
                    census,
                    except,
                },
                None => Recipients::Many(&names),
            };
            let member = self.members.write(event, recipients, unix_seconds())?;
            let parcel = self.parcel(channels, member);
            let at = self.shard_of_queue(&queue);
            hosts.entry(at).or_default().push(parcel);
        }
        Ok(hosts)
    }

    fn parcel(&self, channels: Vec<String>, member: Vec<u8>) -> Parcel {
        let channel = channels.first().map(String::as_str).unwrap_or_default();
        let queue = non_local_name(channel);
        Parcel {
            key: self.keys.queue(channel),
            alive_key: shows_life(queue).then(|| self.alive_key(queue)),
            member,
            capacity: self.capacities.of(channel),
            channels,
        }
    }

    /// Puts parcels into their queues, which one host has.
    async fn push(&self, at: usize, parcels: &[Parcel]) -> Result<Vec<Sent>> {
        let queues = parcels.iter().map(|parcel| &parcel.key);
        let alive = parcels.iter();
        let alive = alive.map(|parcel| parcel.alive_key.as_ref().unwrap_or(&parcel.key));
        let keys: Vec<_> = queues.chain(alive).collect();
        let sent = PUSH.run(&self.stations[at].commands, &keys, |command| {
            for parcel in parcels {
                command.arg(&parcel.member);
            }
            for parcel in parcels {
                command.arg(parcel.capacity);
            }
            command.arg(self.bounds.expiry);
        });
        let sent: Vec<i8> = sent.await?;
        let sent = sent.into_iter().map(|sent| match sent {
            1 => Sent::Queued,
            0 => Sent::Full,
            _ => Sent::Dead,
        });
        Ok(sent.collect())
    }

    /// Takes the members of dead processes out. If that fails, the next send does it.
    async fn take_out_dead(&self, group: &str, dead: &[&str]) {
        let command = redis::Cmd::zrem(self.keys.group(group), dead);
        let taken_out = self.station_of_group(group).commands.run::<()>(&command);
        if let Err(error) = taken_out.await {
            tracing::debug!(%error, "members of a dead process stay in a group");
        }
    }
}

/// Counts whom parcels have reached, and notes who is dead.
fn count<'a>(
    parcels: &'a [Parcel],
    sent: &[Sent],
    delivery: &mut Delivery,
    dead: &mut Vec<&'a str>,
) {
    for (parcel, sent) in parcels.iter().zip(sent) {
        match sent {
            Sent::Queued => delivery.matched += parcel.channels.len(),
            Sent::Full => {
                delivery.matched += parcel.channels.len();
                delivery.dropped += parcel.channels.len();
            }
            Sent::Dead => dead.extend(parcel.channels.iter().map(String::as_str)),
        }
    }
}
