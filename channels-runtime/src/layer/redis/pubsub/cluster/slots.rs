//! Which node of a cluster has a topic.

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
}

impl Slots {
    /// Reads what a node answers to `CLUSTER SLOTS`; nothing if that makes no sense. Nodes need not
    /// know their own name: it is the one by which they were asked then.
    pub(super) fn parse(answer: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(entries) = answer else {
            return None;
        };
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
            let master = address(master, asked)?;
            if master.host != UNKNOWN {
                ranges.push(Range {
                    first,
                    last,
                    master,
                });
            }
        }
        ranges.sort_by_key(|range| range.first);
        Some(Self(ranges))
    }

    /// The node that has a topic now, if any has.
    pub(super) fn master_of(&self, topic: &str) -> Option<&Address> {
        let slot = slot(topic);
        let after = self.0.partition_point(|range| range.first <= slot);
        let range = self.0.get(after.checked_sub(1)?)?;
        (slot <= range.last).then_some(&range.master)
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

fn address(node: &Value, asked: &Address) -> Option<Address> {
    let Value::Array(node) = node else {
        return None;
    };
    let [host, Value::Int(port), ..] = &node[..] else {
        return None;
    };
    let host = match host {
        Value::Nil => "",
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        _ => return None,
    };
    let host = if host.is_empty() { &asked.host } else { host };
    Some(Address {
        host: host.to_owned(),
        port: u16::try_from(*port).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn entry(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(vec![host, Value::Int(port), text("id")]);
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
        let slots = Slots::parse(&answer, &asked()).expect("it makes sense");
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
            assert_eq!(Slots::parse(&answer, &asked()), None, "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn any_ranges_and_any_topic(ranges: Vec<(u16, u16)>, topic: String) {
            let entries = ranges.into_iter().map(|(first, last)| {
                entry((first % COUNT).into(), (last % COUNT).into(), text("a"), 1)
            });
            let slots = Slots::parse(&Value::Array(entries.collect()), &asked());
            slots.expect("it makes sense").master_of(&topic);
        }
    }
}
