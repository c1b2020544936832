//! What goes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::super::keys::non_local_name;
use super::super::member::Recipients;
use super::roster::{Addressees, Queue, Roster};
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
}

/// One event for those members of a group who share a queue.
struct Share<'a> {
    queue: &'a Queue,
    /// How many it is for.
    count: usize,
    parcel: Parcel,
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
        let parcel = self.parcel(name, member);
        let at = self.shard_of_channel(channel);
        if self.push(at, &[&parcel]).await? == [Sent::Full] {
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
        let roster = self.roster(&group).await?;
        let hosts = self.shares(&group, &roster, event, except)?;
        let pushed = hosts.iter().map(|(at, shares)| {
            let parcels: Vec<_> = shares.iter().map(|share| &share.parcel).collect();
            async move { self.push(*at, &parcels).await }
        });
        let pushed = join_all(pushed).await;

        let (mut delivery, mut dead) = (Delivery::default(), Vec::new());
        let mut result = Ok(());
        for ((_, shares), sent) in hosts.iter().zip(pushed) {
            match sent {
                Ok(sent) => count(shares, &sent, &mut delivery, &mut dead),
                Err(error) => result = result.and(Err(error)),
            }
        }
        if !dead.is_empty() {
            self.take_out_dead(&group, &dead).await;
        }
        result.map(|()| delivery)
    }

    /// The members of a group, without those whose time is over.
    pub(super) async fn roster(&self, group: &str) -> Result<Arc<Roster>> {
        let station = self.station_of_group(group);
        let key = self.keys.group(group);
        station.rosters.read(&station.commands, &key).await
    }

    /// What a group send brings to which host.
    fn shares<'a>(
        &self,
        group: &str,
        roster: &'a Roster,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<BTreeMap<usize, Vec<Share<'a>>>> {
        let mut hosts: BTreeMap<usize, Vec<Share<'a>>> = BTreeMap::new();
        for queue in &roster.queues {
            let addressees = queue.addressees(except);
            let count = addressees.count();
            if count == 0 {
                continue;
            }
            let recipients = match &addressees {
                Addressees::Census(census, _) => Recipients::Group {
                    name: group,
                    census: *census,
                    except,
                },
                Addressees::Names(names) => Recipients::Many(names),
            };
            let member = self.members.write(event, recipients, unix_seconds())?;
            let parcel = self.parcel(&queue.any_channel(), member);
            let at = self.shard_of_queue(&queue.name);
            hosts.entry(at).or_default().push(Share {
                queue,
                count,
                parcel,
            });
        }
        Ok(hosts)
    }

    /// An event for the queue of a channel.
    fn parcel(&self, channel: &str, member: Vec<u8>) -> Parcel {
        let queue = non_local_name(channel);
        Parcel {
            key: self.keys.queue(channel),
            alive_key: shows_life(queue).then(|| self.alive_key(queue)),
            member,
            capacity: self.capacities.of(channel),
        }
    }

    /// Puts parcels into their queues, which one host has.
    async fn push(&self, at: usize, parcels: &[&Parcel]) -> Result<Vec<Sent>> {
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
    async fn take_out_dead(&self, group: &str, dead: &[&Queue]) {
        let channels: Vec<_> = dead.iter().flat_map(|queue| queue.channels()).collect();
        let command = redis::Cmd::zrem(self.keys.group(group), channels);
        let taken_out = self.station_of_group(group).commands.run::<()>(&command);
        if let Err(error) = taken_out.await {
            tracing::debug!(%error, "members of a dead process stay in a group");
        }
    }
}

/// Counts whom an event has reached, and notes who is dead.
fn count<'a>(
    shares: &[Share<'a>],
    sent: &[Sent],
    delivery: &mut Delivery,
    dead: &mut Vec<&'a Queue>,
) {
    for (share, sent) in shares.iter().zip(sent) {
        match sent {
            Sent::Queued => delivery.matched += share.count,
            Sent::Full => {
                delivery.matched += share.count;
                delivery.dropped += share.count;
            }
            Sent::Dead => dead.push(share.queue),
        }
    }
}
