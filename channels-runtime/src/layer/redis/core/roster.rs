//! Who is in a group, queue by queue.

use std::fmt;

use sha1::{Digest as _, Sha1};

use super::super::keys::{is_reachable, non_local_name};
use super::census::{Census, number};
use super::shared::shows_life;
use crate::ChannelName;
use crate::log::LogLimit;

/// How many members are few.
const FEW: usize = 32;

/// The members of a group as Redis had them.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pub(super) queues: Vec<Queue>,
    /// How many there are in Redis, those among them that are no channels.
    pub(super) count: usize,
    /// A digest of what Redis has, where they are few: it has to read them all to compare.
    pub(super) digest: Option<Digest>,
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
    /// Of the members of a sorted set. A member that is not a channel under this prefix gets nothing:
    /// somebody else has put it there.
    pub(super) fn new(members: Vec<Vec<u8>>) -> Self {
        let count = members.len();
        let digest = (1..=FEW).contains(&count).then(|| Digest::of(&members));
        let names = members.into_iter().map(String::from_utf8);
        let mut names: Vec<String> = names
            .filter_map(Result::ok)
            .filter(|it| is_reachable(it))
            .collect();
        if names.len() < count {
            skipped(count - names.len());
        }
        names.sort_unstable();
        let queues = names.chunk_by(|one, next| non_local_name(one) == non_local_name(next));
        let queues = queues.map(Queue::new).collect();
        Self {
            queues,
            count,
            digest,
        }
    }

    /// The names of a queue's members.
    pub(super) fn channels_of(&self, queue: &str) -> Vec<String> {
        let mut queues = self.queues.iter();
        let queue = queues.find(|it| it.name == queue);
        queue.map(Queue::channels).unwrap_or_default()
    }
}

/// Somebody has put members into a group that no layer puts there.
#[cold]
fn skipped(members: usize) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        tracing::warn!(
            members,
            suppressed,
            "members of a group skipped: they are not channels of this layer"
        );
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

/// SHA-1 of a group's members in the order in which Redis has them, with spaces between them, which
/// no channel's name has. It is the only digest that scripts can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    fn of(members: &[Vec<u8>]) -> Self {
        Self(Sha1::digest(members.join(&b' ')).into())
    }
}

/// In hexadecimal digits, as scripts have it.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "specific.000000000000c0000000000000000000!";
    const DJANGO: &str = "specific.00000000000040000000000000000000!";

    fn roster(names: &[&str]) -> Roster {
        Roster::new(names.iter().map(|name| name.as_bytes().to_vec()).collect())
    }

    fn census(numbers: &[u64]) -> Census {
        Census::of_numbers(numbers.iter().copied())
    }

    #[test]
    fn members_are_together_by_their_queues() {
        let [one, two] = [1, 2].map(|it| format!("{OURS}{it:016x}"));
        let [a, b] = ["a", "b"].map(|it| format!("{DJANGO}{it}"));
        let roster = roster(&[&b, &two, "tasks", &a, &one]);
        assert_eq!(roster.count, 5);
        assert_eq!(roster.channels_of(OURS), [one, two]);
        assert_eq!(roster.channels_of(DJANGO), [a, b]);
        assert_eq!(roster.channels_of("tasks"), ["tasks"]);
        assert!(roster.channels_of("nobody").is_empty());
    }

    #[test]
    fn what_is_no_channel_counts_and_gets_nothing() {
        let foreign = b"2specific.0123!x".to_vec();
        let roster = Roster::new(vec![
            vec![0xff],
            foreign,
            b"tasks".to_vec(),
            b":group:g".to_vec(),
        ]);
        assert_eq!((roster.count, roster.queues.len()), (4, 1));
    }

    #[test]
    fn who_is_left_out_is_not_meant() {
        let ours = roster(
            &[1, 2]
                .map(|it| format!("{OURS}{it:016x}"))
                .each_ref()
                .map(|it| &**it),
        );
        let theirs = ["a", "b"].map(|it| format!("{DJANGO}{it}"));
        let site = roster(&theirs.each_ref().map(|it| &**it));
        let channel = |name: String| ChannelName::new(&name).expect("a name");
        for (except, left) in [
            (format!("{OURS}{:016x}", 1), &[2][..]),
            (format!("{OURS}{:016x}", 3), &[1, 2]),
            (format!("{DJANGO}{:016x}", 1), &[1, 2]),
        ] {
            match ours.queues[0].addressees(Some(&channel(except))) {
                Addressees::Census(it, count) => {
                    assert_eq!((it, count), (census(left), left.len()));
                }
                Addressees::Names(names) => panic!("{names:?}"),
            }
        }
        match site.queues[0].addressees(Some(&channel(theirs[0].clone()))) {
            Addressees::Names(left) => assert_eq!(left, [&theirs[1]]),
            Addressees::Census(it, _) => panic!("{it:?}"),
        }
    }

    #[test]
    fn a_channel_that_is_none_of_ours_is_named() {
        let strange = format!("{OURS}strange");
        let roster = roster(&[&strange, &format!("{OURS}{:016x}", 1)]);
        assert!(
            matches!(roster.queues[0].addressees(None), Addressees::Names(names) if names.len() == 2)
        );
    }
}
