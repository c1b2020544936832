//! Which node of a cluster has a topic.

use std::collections::HashMap;

use crc::{CRC_16_XMODEM, Crc};
use redis::Value;

use super::super::super::hosts::Address;

/// How many there are: Redis Cluster's specification.
const COUNT: u16 = 16_384;

/// The host of a node that nobody knows.
const UNKNOWN: &str = "?";

static CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// The slots that have a master, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Slots(Vec<Range>);

#[derive(Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    master: Address,
    /// Grows whenever slots change their master. A node that was away takes itself for the master that
    /// it was, with the epoch that it had.
    epoch: u64,
}

impl Slots {
    /// Reads what a node answers to `CLUSTER SLOTS` and `CLUSTER NODES`; nothing if that makes no
    /// sense. Nodes need not know their own name: it is the one by which they were asked then.
    pub(super) fn parse(slots: &Value, nodes: &str, asked: &Address) -> Option<Self> {
        let Value::Array(entries) = slots else {
            return None;
        };
        let epochs = epochs(nodes)?;
        let mut ranges = Vec::with_capacity(entries.len());
        for entry in entries {
            let Value::Array(entry) = entry else {
                return None;
            };
            let [Value::Int(first), Value::Int(last), master, ..] = &entry[..] else {
                return None;
            };
            let slot = |number: &i64| u16::try_from(*number).ok().filter(|slot| *slot < COUNT);
            let (first, last) = (slot(first)?, slot(last)?);
            let (master, id) = node(master, asked)?;
            if master.host != UNKNOWN {
                ranges.push(Range {
                    first,
                    last,
                    master,
                    epoch: *epochs.get(id)?,
                });
            }
        }
        ranges.sort_by_key(|range| range.first);
        Some(Self(ranges))
    }

    /// Whether others know a newer master of some slot, or a master where there is none here.
    pub(super) fn are_behind(&self, others: &Self) -> bool {
        let has_none = |slot: u16| self.range_of(slot).is_none();
        let lacks = |theirs: &Range| has_none(theirs.first) || has_none(theirs.last);
        let is_behind = |ours: &Range, theirs: &Range| {
            let is_same = ours.first <= theirs.last && theirs.first <= ours.last;
            is_same && ours.epoch < theirs.epoch
        };
        self.0.is_empty()
            || others
                .0
                .iter()
                .any(|theirs| lacks(theirs) || self.0.iter().any(|ours| is_behind(ours, theirs)))
    }

    /// The node that has a topic now, if any has.
    pub(super) fn master_of(&self, topic: &str) -> Option<&Address> {
        self.range_of(slot(topic)).map(|range| &range.master)
    }

    fn range_of(&self, slot: u16) -> Option<&Range> {
        let after = self.0.partition_point(|range| range.first <= slot);
        let range = self.0.get(after.checked_sub(1)?)?;
        (slot <= range.last).then_some(range)
    }

    /// All nodes that have slots, some of them several times.
    pub(super) fn masters(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().map(|range| &range.master)
    }
}

/// The slot of a name: of what stands between the first braces, if something does.
fn slot(name: &str) -> u16 {
    let tag = name.split_once('{').and_then(|(_, rest)| {
        let (tag, _) = rest.split_once('}')?;
        Some(tag).filter(|tag| !tag.is_empty())
    });
    CRC.checksum(tag.unwrap_or(name).as_bytes()) % COUNT
}

/// The epoch of each node, by its id: the first and the seventh of the fields of its line.
fn epochs(nodes: &str) -> Option<HashMap<&str, u64>> {
    let lines = nodes.lines().map(|line| {
        let mut fields = line.split_whitespace();
        let id = fields.next()?;
        Some((id, fields.nth(5)?.parse().ok()?))
    });
    lines.collect()
}

/// A node's address and its id.
fn node<'a>(node: &'a Value, asked: &Address) -> Option<(Address, &'a str)> {
    let Value::Array(node) = node else {
        return None;
    };
    let [host, Value::Int(port), Value::BulkString(id), ..] = &node[..] else {
        return None;
    };
    let host = match host {
        Value::Nil => "",
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        _ => return None,
    };
    let host = if host.is_empty() { &asked.host } else { host };
    let address = Address {
        host: host.to_owned(),
        port: u16::try_from(*port).ok()?,
    };
    Some((address, std::str::from_utf8(id).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NODES: &str = "\
id 127.0.0.1:1@2 myself,master - 0 1426238317000 2 connected 0-4999
other 127.0.0.1:2@3,host slave id 0 1426238317741 3 connected
";

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn entry(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(vec![
            host,
            Value::Int(port),
            text("id"),
            Value::Array(vec![]),
        ]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node])
    }

    fn asked() -> Address {
        Address {
            host: "seed".to_owned(),
            port: 1,
        }
    }

    /// What a real server answers to `CLUSTER KEYSLOT`.
    #[test]
    fn slots_are_those_of_redis() {
        for (name, expected) in [
            ("123456789", 12739),
            ("foo", 12182),
            ("asgi__group__f1", 6326),
            ("{user1000}.following", 3443),
            ("user1000", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("", 0),
        ] {
            assert_eq!(slot(name), expected, "{name}");
        }
    }

    #[test]
    fn a_topic_is_at_the_master_of_its_slot() {
        let answer = Value::Array(vec![
            entry(5_000, 12_181, text("b"), 2),
            entry(0, 4_999, Value::Nil, 1),
            entry(12_183, 12_738, text("?"), 4),
            entry(12_739, 16_383, text("c"), 3),
        ]);
        let slots = Slots::parse(&answer, NODES, &asked()).expect("it makes sense");
        let master = |topic| slots.master_of(topic).map(|it| it.host.as_str());
        assert_eq!(master("user1000"), Some("seed"));
        assert_eq!(master("asgi__group__f1"), Some("b"));
        assert_eq!(master("123456789"), Some("c"));
        assert_eq!(master("foo"), None, "no range has it");
        assert_eq!(slots.masters().count(), 3, "one of them is not known");
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![Value::Array(vec![Value::Int(1), Value::Int(2)])]),
            Value::Array(vec![entry(-1, 2, text("a"), 1)]),
            Value::Array(vec![entry(0, 16_384, text("a"), 1)]),
            Value::Array(vec![entry(0, 1, text("a"), 65_536)]),
            Value::Array(vec![entry(0, 1, Value::Int(1), 1)]),
            Value::Array(vec![entry(0, 1, Value::BulkString(vec![0xff]), 1)]),
        ] {
            assert_eq!(Slots::parse(&answer, NODES, &asked()), None, "{answer:?}");
        }
        let good = Value::Array(vec![entry(0, 1, text("a"), 1)]);
        assert!(Slots::parse(&good, NODES, &asked()).is_some());
        for nodes in ["", "id 127.0.0.1:1@2 master", &NODES.replace("id ", "no ")] {
            assert_eq!(Slots::parse(&good, nodes, &asked()), None, "{nodes}");
        }
    }

    #[test]
    fn who_was_away_is_behind() {
        let slots = |first, last, epoch| {
            let nodes = format!("id a:1@2 master - 0 0 {epoch} connected");
            let answer = Value::Array(vec![entry(first, last, text("a"), 1)]);
            Slots::parse(&answer, &nodes, &asked()).expect("it makes sense")
        };
        let known = slots(100, 200, 7);
        for behind in [
            slots(0, 300, 6),
            slots(100, 200, 6),
            slots(0, 100, 6),
            slots(150, 160, 6),
            slots(200, 300, 6),
            slots(0, 100, 8),
            slots(150, 300, 8),
            slots(300, 400, 8),
            Slots::default(),
        ] {
            assert!(behind.are_behind(&known), "{behind:?}");
        }
        for not_behind in [slots(100, 200, 7), slots(0, 300, 8)] {
            assert!(!not_behind.are_behind(&known), "{not_behind:?}");
            assert!(!not_behind.are_behind(&Slots::default()));
        }
        assert!(
            Slots::default().are_behind(&Slots::default()),
            "who knows nothing"
        );
    }

    proptest! {
        #[test]
        fn any_ranges_and_any_topic(ranges: Vec<(u16, u16)>, topic: String) {
            let entries = ranges.into_iter().map(|(first, last)| {
                entry((first % COUNT).into(), (last % COUNT).into(), text("a"), 1)
            });
            let slots = Slots::parse(&Value::Array(entries.collect()), NODES, &asked());
            slots.expect("it makes sense").master_of(&topic);
        }

        #[test]
        fn any_text_of_nodes(nodes: String) {
            let _ = Slots::parse(&Value::Array(vec![]), &nodes, &asked());
        }
    }
}
