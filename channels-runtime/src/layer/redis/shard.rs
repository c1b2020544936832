//! Which of several hosts holds a name.

use crc::{CRC_32_ISO_HDLC, Crc};

/// That of zlib, as Python has it.
static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The host of a name, as `channels_redis` chooses it among so many.
///
/// By the low twelve bits of the CRC, divided as floating-point numbers: from 186 hosts on, whole
/// numbers would give others.
///
/// What is hashed is not the same everywhere: a group's bare name; of a channel of the core layer
/// the part up to and with its `!`; a topic of the pub/sub layer as it is published.
pub(crate) fn shard(name: &str, hosts: u32) -> usize {
    slot(CRC.checksum(name.as_bytes()) & 0xfff, hosts)
}

fn slot(low12: u32, hosts: u32) -> usize {
    if hosts <= 1 {
        return 0;
    }
    let shard = f64::from(low12) / (4096.0 / f64::from(hosts));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounds down what is at least 0 and below the number of hosts"
    )]
    let shard = shard as usize;
    shard
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::vectors::{self, number, text};
    use super::*;

    #[test]
    fn hosts_are_chosen_as_by_channels_redis() {
        for vector in vectors::SHARDING.all::<Json>("vectors", 54) {
            let name = text(&vector["name"]);
            assert_eq!(
                CRC.checksum(name.as_bytes()),
                number::<u32>(&vector["crc32"])
            );
            let shards = vector["shard_of"].as_object().expect("a map");
            assert_eq!(shards.len(), 7);
            for (hosts, expected) in shards {
                let hosts = hosts.parse().expect("a number");
                assert_eq!(
                    shard(name, hosts),
                    number::<usize>(expected),
                    "{name} of {hosts}"
                );
            }
        }
        for case in vectors::SHARDING.all::<Json>("integer_formula_differs", 24) {
            let [hosts, low12, real, integer] = [0, 1, 2, 3].map(|at| number::<u32>(&case[at]));
            assert_eq!(slot(low12, hosts), real as usize);
            assert_eq!(low12 * hosts / 4096, integer);
        }
        for example in vectors::PUBSUB.all::<Json>("shard_examples", 4) {
            let hosts = number(&example["hosts"]);
            let expected: usize = number(&example["shard"]);
            assert_eq!(shard(text(&example["name"]), hosts), expected);
        }
    }
}
