//! The members of a group at one moment, for a layer that compares them with those a sender has counted.

use std::sync::Arc;

use super::members::{Member, Members};
use super::{Hub, Number};
use crate::layer::{Delivered, isolated};
use crate::{ChannelName, Event};

/// The members of a group at one moment.
pub(in crate::layer) struct Snapshot {
    list: Arc<Vec<Member>>,
    except: Option<Number>,
}

impl Snapshot {
    /// The one that is left out.
    pub(in crate::layer) fn except(&self) -> Option<Number> {
        self.except
    }

    /// The members as their names end.
    pub(in crate::layer) fn numbers(&self) -> impl Iterator<Item = Number> {
        self.members().map(|member| member.channel)
    }

    /// Hands an event to each of them.
    pub(in crate::layer) fn deliver(&self, event: &Event) {
        for member in self.members() {
            isolated::deliver(&member.receiver, event);
        }
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        let members = self.list.iter();
        members.filter(|it| self.except != Some(it.channel))
    }
}

impl Hub {
    /// The members of a group at this moment.
    pub(in crate::layer) fn snapshot(&self, group: &str, except: Option<&ChannelName>) -> Snapshot {
        let groups = self.0.group_shard(group);
        Snapshot {
            list: groups.get(group).map(Members::snapshot).unwrap_or_default(),
            except: except.and_then(|channel| self.0.number(channel.as_str())),
        }
    }

    /// Hands an event to the channel of a number.
    pub(in crate::layer) fn deliver_to_number(&self, number: Number, event: &Event) -> Delivered {
        let receiver = {
            let channels = self.0.channel_shard(number);
            channels
                .get(&number)
                .map(|entry| Arc::clone(&entry.receiver))
        };
        receiver.map_or(Delivered::Closed, |receiver| {
            isolated::deliver(&receiver, event)
        })
    }
}
