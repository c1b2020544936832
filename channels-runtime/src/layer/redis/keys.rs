//! What things are called in Redis.

/// The names under one prefix. Nothing stands between the prefix and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// A pattern that all keys match.
    pub(crate) fn all(&self) -> String {
        let special = |char| matches!(char, '*' | '?' | '[' | ']' | '\\' | '^');
        let escaped = self
            .prefix
            .chars()
            .flat_map(|char| special(char).then_some('\\').into_iter().chain([char]));
        escaped.chain(['*']).collect()
    }

    /// The sorted set of the messages that wait for a channel; one for all of a process's own.
    pub(crate) fn queue(&self, channel: &str) -> String {
        format!("{}{}", self.prefix, non_local_name(channel))
    }

    /// The sorted set of a group's members, by the group's name on the wire.
    pub(crate) fn group(&self, group: &str) -> String {
        format!("{}:group:{group}", self.prefix)
    }

    /// The topic of a group in the pub/sub layer, by the group's name on the wire.
    ///
    /// A channel's topic there is the channel's name, which has the prefix in it already.
    pub(crate) fn topic(&self, group: &str) -> String {
        format!("{}__group__{group}", self.prefix)
    }

    /// The group of a topic, by its name on the wire.
    pub(crate) fn group_of<'a>(&self, topic: &'a str) -> Option<&'a str> {
        topic.strip_prefix(&*self.prefix)?.strip_prefix("__group__")
    }

    /// The name of a new channel in the pub/sub layer, from 32 random hex digits.
    pub(crate) fn pubsub_channel(&self, random: &str) -> String {
        format!("{}specific.{random}", self.prefix)
    }
}

/// The part of a channel's name that names its queue: up to and with the first `!`.
pub(crate) fn non_local_name(channel: &str) -> &str {
    match channel.find('!') {
        Some(at) => &channel[..=at],
        None => channel,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::vectors::{self, text};
    use super::*;
    use crate::{ChannelName, GroupName};

    #[test]
    fn keys_are_those_of_channels_redis() {
        let mut used = 0;
        for vector in vectors::KEYS.all::<Json>("vectors", 52) {
            let keys = Keys::new(text(&vector["prefix"]));
            if let Some(channel) = vector.get("channel").map(text) {
                assert_eq!(keys.queue(channel), vector["core_queue_key"]);
                assert_eq!(non_local_name(channel), vector["non_local_name"]);
                assert_eq!(channel, vector["pubsub_channel"]);
                used += 1;
            } else if let Some(group) = vector.get("group").map(text) {
                assert_eq!(keys.group(group), vector["core_group_key"]);
                assert_eq!(keys.topic(group), vector["pubsub_channel"]);
                used += 1;
            } else if let Some(name) = vector.get("core_new_channel()").map(text) {
                let process = text(&vector["client_prefix"]);
                let random = name.rsplit_once('!').expect("two parts").1;
                assert_eq!(format!("specific.{process}!{random}"), name);
                assert_eq!(random.len(), 32);
                used += 1;
            } else {
                let name = text(&vector["pubsub_new_channel()"]);
                let random = &name[name.len() - 32..];
                assert_eq!(keys.pubsub_channel(random), name);
                used += 1;
            }
        }
        assert_eq!(used, 52);
    }

    #[test]
    fn every_name_that_we_take_is_taken_by_channels() {
        let (mut stricter, mut no_texts) = (Vec::new(), 0);
        for vector in vectors::NAMES.all::<Json>("vectors", 76) {
            // What is no text at all does not compile.
            let Some(name) = vector["name"].as_str() else {
                assert_eq!(vector["channel"], false);
                no_texts += 1;
                continue;
            };
            assert_eq!(non_local_name(name), vector["non_local_name"]);
            match (ChannelName::new(name).is_ok(), &vector["channel"] == true) {
                (ours, theirs) if ours == theirs => {}
                (true, _) => panic!("{name:?} is no channel to Channels"),
                _ => stricter.push(name.to_owned()),
            }
            // Any text is a group to us; what goes out is what Channels takes.
            if let Ok(wire) = GroupName::new(name).and_then(GroupName::to_wire) {
                assert!(wire.len() < 100 && wire.bytes().all(|byte| byte.is_ascii()));
                if wire == name {
                    assert_eq!(vector["group"], true, "{name:?}");
                }
            }
        }
        // Other digits than ASCII's, letters of any script behind the `!`, a newline at the end, and
        // what ends with `!`: the name of a process's queue.
        let expected = [
            "a\n",
            "\u{663}",
            "room\u{663}",
            "\u{ff11}",
            "a!",
            "a!é",
            "a!日本",
            "a!²",
            "a!b\n",
            "a!\n",
            "a\u{663}!x",
            &("x".repeat(98) + "\n"),
            &"\u{663}".repeat(99),
            "specific.0123456789abcdef0123456789abcdef!",
        ];
        assert_eq!(stricter, expected);
        assert_eq!(no_texts, 4);
    }
}
