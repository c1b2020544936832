//! What goes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::super::keys::non_local_name;
use super::super::member::Recipients;
use super::roster::{Addressees, Digest, Queue, Roster};
use super::scripts::PUSH;
use super::shared::{Shared, oldest_membership, shows_life, unix_seconds};
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

/// What a group send brings to which host.
type Shares<'a> = BTreeMap<usize, Vec<Share<'a>>>;

/// A group, and what its members have to be for an event to be sent.
struct Condition<'a> {
    key: &'a str,
    count: usize,
    digest: Digest,
}

/// What became of a parcel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Queued,
    Full,
    /// Nobody will ever read that queue.
    Dead,
}

impl Sent {
    fn of_answer(answer: i8) -> Self {
        match answer {
            1 => Self::Queued,
            0 => Self::Full,
            _ => Self::Dead,
        }
    }
}

impl Shared {
    /// # Errors
    ///
    /// [`ErrorKind::ChannelFull`] if the channel's queue has no room; else as
    /// [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn send(&self, channel: &ChannelName, event: &Event) -> Result {
        self.hub.check_open()?;
        event.check_sendable(None)?;
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
        event.check_sendable(Some(group))?;
        let group = Self::group_name(group)?;
        if let Some(delivery) = self.send_to_known(&group, event, except).await? {
            return Ok(delivery);
        }
        let roster = self.roster(&group).await?;
        let shares = self.shares(&group, &roster, event, except)?;
        let sent = self.push_shares(&group, &shares, None).await?;
        Ok(sent.unwrap_or_default())
    }

    /// Sends to the members that are known, if those are few and one host has all that it takes: then
    /// one step finds out whether they are right, and sends. Nothing if it cannot be done so.
    async fn send_to_known(
        &self,
        group: &str,
        event: &Event,
        except: Option<&ChannelName>,
    ) -> Result<Option<Delivery>> {
        let key = self.keys.group(group);
        let at = self.shard_of_group(group);
        let Some(roster) = self.stations[at].rosters.known(&key) else {
            return Ok(None);
        };
        let Some(digest) = roster.digest else {
            return Ok(None);
        };
        let mut queues = roster.queues.iter();
        if !queues.all(|queue| self.shard_of_queue(&queue.name) == at) {
            return Ok(None);
        }
        let shares = self.shares(group, &roster, event, except)?;
        if shares.is_empty() {
            // Then nothing would be asked.
            return Ok(None);
        }
        let condition = Condition {
            key: &key,
            count: roster.count,
            digest,
        };
        self.push_shares(group, &shares, Some(&condition)).await
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
    ) -> Result<Shares<'a>> {
        let mut hosts = Shares::new();
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

    /// Brings to a group's members what they get. Nothing if a condition is not met: then nobody has
    /// got anything.
    async fn push_shares(
        &self,
        group: &str,
        shares: &Shares<'_>,
        condition: Option<&Condition<'_>>,
    ) -> Result<Option<Delivery>> {
        let pushed = shares.iter().map(|(at, shares)| {
            let parcels: Vec<_> = shares.iter().map(|share| &share.parcel).collect();
            async move { self.push_if(*at, &parcels, condition).await }
        });
        let pushed = join_all(pushed).await;

        let (mut delivery, mut dead) = (Delivery::default(), Vec::new());
        let mut result = Ok(());
        for (shares, sent) in shares.values().zip(pushed) {
            match sent {
                Ok(Some(sent)) => count(shares, &sent, &mut delivery, &mut dead),
                Ok(None) => return Ok(None),
                Err(error) => result = result.and(Err(error)),
            }
        }
        if !dead.is_empty() {
            self.take_out_dead(group, &dead).await;
        }
        result.map(|()| Some(delivery))
    }

    /// Puts parcels into their queues, which one host has.
    async fn push(&self, at: usize, parcels: &[&Parcel]) -> Result<Vec<Sent>> {
        let sent = self.push_if(at, parcels, None).await?;
        Ok(sent.unwrap_or_default())
    }

    /// The same, if a group is what it has to be; else nothing happens, and nothing is given.
    async fn push_if(
        &self,
        at: usize,
        parcels: &[&Parcel],
        condition: Option<&Condition<'_>>,
    ) -> Result<Option<Vec<Sent>>> {
        let queues = parcels.iter().map(|parcel| &*parcel.key);
        let alive = parcels.iter();
        let alive = alive.map(|parcel| parcel.alive_key.as_ref().unwrap_or(&parcel.key));
        let keys = queues.chain(alive.map(String::as_str));
        let keys: Vec<_> = keys.chain(condition.map(|it| it.key)).collect();
        let sent = PUSH.run(&self.stations[at].commands, &keys, |command| {
            for parcel in parcels {
                command.arg(&parcel.member);
            }
            for parcel in parcels {
                command.arg(parcel.capacity);
            }
            command.arg(self.bounds.expiry);
            if let Some(Condition { count, digest, .. }) = condition {
                let oldest = oldest_membership(self.bounds.group_expiry);
                command.arg(oldest).arg(count).arg(digest.to_string());
            }
        });
        let sent: Option<Vec<i8>> = sent.await?;
        Ok(sent.map(|sent| sent.into_iter().map(Sent::of_answer).collect()))
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
