//! What things are called in Redis.

use crate::{ChannelName, Error, ErrorKind, Result};

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

    /// The name of a new channel in the pub/sub layer, from 32 random hex digits.
    pub(crate) fn pubsub_channel(&self, random: &str) -> String {
        format!("{}specific.{random}", self.prefix)
    }

    /// The group of a topic of the pub/sub layer, by the group's name on the wire.
    pub(crate) fn group_of_topic<'a>(&self, topic: &'a str) -> Option<&'a str> {
        let rest = topic.strip_prefix(&*self.prefix)?;
        rest.strip_prefix("__group__")
    }

    /// Checks that a name is that of a channel in the pub/sub layer under this prefix. There a
    /// channel's name is its topic, so any other name could be a group's topic, or belong to another
    /// prefix.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`], with the form of such names.
    pub(crate) fn check_pubsub_channel(&self, channel: &ChannelName) -> Result {
        let rest = channel.as_str().strip_prefix(&*self.prefix);
        let digits = rest.and_then(|rest| rest.strip_prefix("specific."));
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.is_some_and(|it| it.len() == 32 && it.bytes().all(is_digit)) {
            return Ok(());
        }
        let what = format!(
            "`{channel}` is not a channel of this layer: over pub/sub a channel's name is \
             `{}specific.` and 32 hexadecimal digits",
            self.prefix
        );
        Err(Error::new(ErrorKind::Name, what))
    }
}

/// Checks that a channel's name is not made to be the queue of a process under another prefix.
///
/// Nothing stands between a prefix and a name. Under the prefix `asgi` the channel `2specific.…!x` has
/// the key `asgi2specific.…!`, the queue of a process under the prefix `asgi2`.
///
/// # Errors
///
/// [`ErrorKind::Name`].
pub(crate) fn check_core_channel(channel: &ChannelName) -> Result {
    if is_reachable(channel.as_str()) {
        return Ok(());
    }
    let what = format!(
        "`{channel}` is not a channel of this layer: it names a process under another prefix"
    );
    Err(Error::new(ErrorKind::Name, what))
}

/// Whether a member of a group can be a channel under the same prefix, and its queue is no other key.
///
/// Members are read from Redis, so they may be anything.
pub(crate) fn is_reachable(channel: &str) -> bool {
    let is_foreign = |at: usize| at > 0 && channel.contains('!');
    let has_other_key = channel.contains([':', '$']);
    !has_other_key && !channel.rfind("specific.").is_some_and(is_foreign)
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
    use crate::GroupName;

    #[test]
    fn a_pubsub_channel_is_none_but_a_channel_of_the_prefix() {
        let keys = Keys::new("asgi");
        let digits = "0123456789abcdef0123456789abcdef";
        let check = |name: &str| {
            let channel = ChannelName::new(name).expect(name);
            keys.check_pubsub_channel(&channel)
        };
        assert!(check(&keys.pubsub_channel(digits)).is_ok());
        for bad in [
            "asgi__group__room",
            "asgi2__group__room",
            "other__group__room",
            "room",
            "asgispecific.",
            &format!("asgi2specific.{digits}"),
            &format!("asgispecific.{digits}0"),
            &format!("asgispecific.{digits}!x"),
            &format!("asgispecific.{}", digits.to_uppercase()),
            &format!("asgi__group__specific.{digits}"),
            &format!("specific.{digits}!{digits}"),
        ] {
            let error = check(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Name);
            assert!(
                error
                    .to_string()
                    .contains(&format!("`{bad}` is not a channel"))
            );
        }
    }

    #[test]
    fn a_core_channel_is_no_process_of_another_prefix() {
        let id = "0123456789abcdef0123456789abcdef";
        let check = |name: &str| check_core_channel(&ChannelName::new(name).expect(name));
        for good in [
            "tasks",
            "2tasks",
            "not.specific.at.all",
            &format!("specific.{id}!{id}"),
            &format!("custom.{id}!{id}"),
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            &*format!("2specific.{id}!x"),
            &format!("specific.specific.{id}!x"),
            "_shopspecific.x!y",
        ] {
            let error = check(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Name);
        }
        for member in [
            "2:group:room",
            "specific.x!$inflight",
            "x:alive",
            "2specific.x!y",
        ] {
            assert!(!is_reachable(member), "{member}");
        }
        // Channels' names in Python may have digits and letters of any script.
        assert!(is_reachable("specific.x!é") && is_reachable("room\u{663}"));
    }

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
