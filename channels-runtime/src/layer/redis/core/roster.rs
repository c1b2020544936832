//! Who is in a group, queue by queue.

use super::super::keys::non_local_name;
use super::census::{Census, number};
use super::shared::shows_life;
use crate::ChannelName;

/// The members of a group as Redis had them.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pub(super) queues: Vec<Queue>,
    /// How many there are in Redis, those among them that are no channels.
    pub(super) count: usize,
}

/// The members that share a queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// The queue's name: what the channels' names begin with.
    pub(super) name: String,
    channels: Channels,
}

#[derive(Debug)]
enum Channels {
    /// Of a process of ours, in order: an event need not name them.
    Ours { numbers: Vec<u64>, census: Census },
    /// By their names.
    Named(Vec<String>),
}

/// Whom an event names, and how many they are.
pub(super) enum Addressees<'a> {
    Census(Census, usize),
    Names(Vec<&'a str>),
}

impl Roster {
    /// Of the members of a sorted set. What is no text is no channel; somebody else has put it there.
    pub(super) fn new(members: Vec<Vec<u8>>) -> Self {
        let count = members.len();
        let names = members.into_iter().map(String::from_utf8);
        let mut names: Vec<String> = names.filter_map(Result::ok).collect();
        names.sort_unstable();
        let queues = names.chunk_by(|one, next| non_local_name(one) == non_local_name(next));
        let queues = queues.map(Queue::new).collect();
        Self { queues, count }
    }

    /// The names of a queue's members.
    pub(super) fn channels_of(&self, queue: &str) -> Vec<String> {
        let mut queues = self.queues.iter();
        let queue = queues.find(|it| it.name == queue);
        queue.map(Queue::channels).unwrap_or_default()
    }
}

impl Queue {
    /// Of the names of channels that share it.
    fn new(names: &[String]) -> Self {
        let name = names.first().map_or("", |name| non_local_name(name));
        let numbers = || names.iter().map(|name| number(name)).collect();
        let numbers: Option<Vec<u64>> = shows_life(name).then(numbers).flatten();
        let channels = match numbers {
            Some(numbers) => Channels::Ours {
                census: Census::of_numbers(numbers.iter().copied()),
                numbers,
            },
            None => Channels::Named(names.to_vec()),
        };
        Self {
            name: name.to_owned(),
            channels,
        }
    }

    /// Whom an event has to name.
    pub(super) fn addressees(&self, except: Option<&ChannelName>) -> Addressees<'_> {
        let except = except.map(ChannelName::as_str);
        match &self.channels {
            Channels::Ours { numbers, census } => {
                let except = except.filter(|it| non_local_name(it) == self.name);
                match except
                    .and_then(number)
                    .filter(|it| numbers.binary_search(it).is_ok())
                {
                    Some(except) => Addressees::Census(census.without(except), numbers.len() - 1),
                    None => Addressees::Census(*census, numbers.len()),
                }
            }
            Channels::Named(names) => {
                let names = names.iter().map(String::as_str);
                Addressees::Names(names.filter(|it| except != Some(it)).collect())
            }
        }
    }

    /// The names of its members.
    pub(super) fn channels(&self) -> Vec<String> {
        match &self.channels {
            Channels::Ours { numbers, .. } => {
                let numbers = numbers.iter();
                numbers
                    .map(|it| format!("{}{it:016x}", self.name))
                    .collect()
            }
            Channels::Named(names) => names.clone(),
        }
    }

    /// One of its members.
    pub(super) fn any_channel(&self) -> String {
        match &self.channels {
            Channels::Ours { numbers, .. } => {
                let number = numbers.first().copied().unwrap_or_default();
                format!("{}{number:016x}", self.name)
            }
            Channels::Named(names) => names.first().cloned().unwrap_or_default(),
        }
    }
}

impl Addressees<'_> {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Census(_, count) => *count,
            Self::Names(names) => names.len(),
        }
    }
}
