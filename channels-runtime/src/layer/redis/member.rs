//! The members of the core layer's queues.
//!
//! A queue is a sorted set, so each member begins with random bytes that make it unique. The body
//! behind them names, under a reserved key, the channels that the message is for: one queue holds
//! the messages of all channels of a process.

use super::body::Body;
use super::encryption::Lifetime;
use crate::event::{Fields, Value};
use crate::{Error, ErrorKind, Event, Result};

/// The reserved key.
pub(super) const CHANNEL: &str = "__asgi_channel__";

/// How members are written, on all servers of one Redis alike.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) body: Body,
    /// How many random bytes are before the body (`random_prefix_length`).
    pub(crate) prefix: usize,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recipients<'a> {
    /// Whoever reads the queue: `send` to a channel without `!`.
    Queue,
    /// One channel of a process: `send` to a channel with `!`.
    One(&'a str),
    /// Members of a group that share a queue, with or without `!`.
    Many(&'a [&'a str]),
}

/// A message out of a queue.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) event: Event,
    /// The full names of the channels that it is for; none if it is for whoever reads the queue.
    pub(crate) channels: Vec<String>,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            body: Body::default(),
            prefix: 12,
        }
    }
}

impl Members {
    /// Makes a member. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the format cannot hold the event, or the event has a field of the
    /// reserved name.
    pub(crate) fn write(&self, event: &Event, to: Recipients<'_>, now: u64) -> Result<Vec<u8>> {
        let mut fields = event.to_fields()?;
        if fields.contains(CHANNEL) {
            return Err(Error::new(
                ErrorKind::Encode,
                format!("an event has no field `{CHANNEL}`: it is the layer's own"),
            ));
        }
        let text = |name: &str| Value::Text(name.to_owned());
        match to {
            Recipients::Queue => {}
            Recipients::One(name) => fields.push(CHANNEL, text(name)),
            Recipients::Many(names) => {
                let names = names.iter().map(|name| text(name)).collect();
                fields.push(CHANNEL, Value::List(names));
            }
        }
        let mut member = vec![0; self.prefix];
        getrandom::fill(&mut member)
            .map_err(|error| Error::caused(ErrorKind::Layer, "there are no random bytes", error))?;
        member.extend(self.body.write(fields, now)?);
        Ok(member)
    }

    /// Reads a member. An encrypted one may be only so old.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it is no message, or was made with other keys, and
    /// [`ErrorKind::EventType`] if it has no type that is allowed.
    pub(crate) fn read(&self, member: &[u8], lifetime: Option<Lifetime>) -> Result<Received> {
        let (fields, channels) = self.split(member, lifetime)?;
        let event = Event::from_fields(fields)?;
        Ok(Received { event, channels })
    }

    fn split(&self, member: &[u8], lifetime: Option<Lifetime>) -> Result<(Fields, Vec<String>)> {
        let body = member.get(self.prefix..).ok_or_else(|| {
            let prefix = self.prefix;
            Error::new(
                ErrorKind::Decode,
                format!("a member of a queue begins with {prefix} random bytes"),
            )
        })?;
        let mut fields = self.body.read(body, lifetime)?;
        let channels = channels(fields.remove(CHANNEL)).ok_or_else(|| {
            Error::new(
                ErrorKind::Decode,
                format!("`{CHANNEL}` is the name of a channel or a list of them"),
            )
        })?;
        Ok((fields, channels))
    }
}

fn channels(value: Option<Value>) -> Option<Vec<String>> {
    let name = |value| match value {
        Value::Text(name) => Some(name),
        _ => None,
    };
    match value {
        None => Some(Vec::new()),
        Some(Value::List(names)) => names.into_iter().map(name).collect(),
        Some(value) => name(value).map(|name| vec![name]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value as Json, json};

    use super::super::codec::Format;
    use super::super::encryption::Fernet;
    use super::super::keys::Keys;
    use super::super::vectors::{self, bytes, hex, message};
    use super::*;

    #[derive(Deserialize)]
    struct Addressed {
        id: String,
        serializer: String,
        random_prefix_length: usize,
        prefix: Option<String>,
        message: Value,
        channel: Option<String>,
        key: Option<String>,
        member_hex: Option<String>,
        decoded_body: Option<Value>,
        group: Option<String>,
        group_key: Option<String>,
        queues: Option<Vec<Queue>>,
    }

    #[derive(Deserialize)]
    struct Queue {
        key: String,
        member_hex: String,
        decoded_body: Value,
    }

    fn names(decoded_body: &Value) -> Vec<String> {
        let Value::Map(fields) = decoded_body else {
            panic!("no map");
        };
        channels(fields.clone().remove(CHANNEL)).expect("names")
    }

    #[test]
    fn members_are_those_of_the_core_layer() {
        let (mut direct, mut queued) = (0, 0);
        for vector in vectors::CORE_MESSAGES.all::<Addressed>("vectors", 196) {
            let Some(prefix) = &vector.prefix else {
                continue; // Without recipients: see `codec`.
            };
            let (keys, sent) = (
                Keys::new(prefix),
                message(&vector.message).expect("an event's"),
            );
            if let (Some(channel), Some(body)) = (&vector.channel, &vector.decoded_body) {
                assert_eq!(Some(keys.queue(channel)), vector.key);
                assert_eq!(names(body), [&**channel]);
                let member = vector.member_hex.as_ref().expect("a member");
                vector.check(member, &sent, Recipients::One(channel));
                direct += 1;
            }
            if let Some(group) = &vector.group {
                assert_eq!(Some(keys.group(group)), vector.group_key);
            }
            for queue in vector.queues.iter().flatten() {
                let names = names(&queue.decoded_body);
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                assert_eq!(keys.queue(names[0]), queue.key);
                vector.check(&queue.member_hex, &sent, Recipients::Many(&names));
                queued += 1;
            }
        }
        assert_eq!((direct, queued), (5, 15));
    }

    impl Addressed {
        fn check(&self, member: &str, sent: &Value, to: Recipients<'_>) {
            let members = Members {
                body: Body {
                    format: Format::named(&self.serializer),
                    encryption: None,
                },
                prefix: self.random_prefix_length,
            };
            let member = hex(member);
            let received = members.read(&member, None).expect("a member");
            assert_eq!(
                Value::Map(received.event.to_fields().expect("fields")),
                *sent
            );
            match to {
                Recipients::Queue => assert!(received.channels.is_empty()),
                Recipients::One(name) => assert_eq!(received.channels, [name]),
                Recipients::Many(names) => assert_eq!(received.channels, names),
            }
            let ours = members.write(&received.event, to, 0).expect("fits");
            assert_eq!(
                ours[members.prefix..],
                member[members.prefix..],
                "{}",
                self.id
            );
        }
    }

    #[derive(Deserialize)]
    struct Encrypted {
        serializer: String,
        keys: Json,
        random_prefix_length: usize,
        channel: String,
        message: Value,
        member_hex: String,
        token_time: u64,
    }

    #[test]
    fn encrypted_members_are_read() {
        for vector in vectors::ENCRYPTION.all::<Encrypted>("vectors", 10) {
            let members = Members {
                body: Body {
                    format: Format::named(&vector.serializer),
                    encryption: Fernet::new(
                        vector.keys.as_array().expect("keys").iter().map(bytes),
                    ),
                },
                prefix: vector.random_prefix_length,
            };
            let lifetime = |now| Some(Lifetime { now, seconds: 70 });
            let member = hex(&vector.member_hex);
            let received = members
                .read(&member, lifetime(vector.token_time))
                .expect("a member");
            assert_eq!(
                Value::Map(received.event.to_fields().expect("fields")),
                message(&vector.message).expect("an event's")
            );
            assert_eq!(received.channels, [vector.channel]);
            assert!(
                members
                    .read(&member, lifetime(vector.token_time + 71))
                    .is_err()
            );
        }
    }

    #[test]
    fn a_member_is_longer_than_its_prefix() {
        #[derive(Deserialize)]
        struct Short {
            id: String,
            member_hex: Option<String>,
            ok: bool,
        }
        let mut used = 0;
        for vector in vectors::DECODE.all::<Short>("vectors", 69) {
            if let Some(member) = &vector.member_hex {
                let split = Members::default().split(&hex(member), None);
                assert_eq!(split.is_ok(), vector.ok, "{}", vector.id);
                used += 1;
            }
        }
        assert_eq!(used, 4);
    }

    #[test]
    fn the_reserved_key_is_found_in_any_place_and_never_sent() {
        let members = Members {
            prefix: 0,
            ..Members::default()
        };
        let first = b"\x82\xb0__asgi_channel__\xa3a!b\xa4type\xa1t";
        let received = members.read(first, None).expect("a member");
        assert_eq!(received.channels, ["a!b"]);
        assert_eq!(
            received.event.to_json().expect("JSON"),
            json!({ "type": "t" })
        );

        for bad in [&b"\x01"[..], b"\x91\x01", b"\xc0"] {
            let member = [&b"\x82\xa4type\xa1t\xb0__asgi_channel__"[..], bad].concat();
            assert!(members.read(&member, None).is_err());
        }
        let event = Event::new("t", json!({ "__asgi_channel__": "a!b" })).expect("an event");
        let error = members
            .write(&event, Recipients::Queue, 0)
            .expect_err("reserved");
        assert_eq!(error.kind(), ErrorKind::Encode);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            text: String,
            names in proptest::collection::vec("[a-z]{1,9}![a-z]{1,9}", 0..4),
            prefix in 0..40_usize,
            json: bool,
            secret: Option<String>,
        ) {
            let format = if json { Format::Json } else { Format::MsgPack };
            let encryption = Fernet::new(secret);
            let members = Members { body: Body { format, encryption }, prefix };
            let event = Event::new("t", json!({ "text": text })).expect("an event");
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let member = members.write(&event, Recipients::Many(&names), 5).expect("fits");
            let lifetime = Some(Lifetime { now: 5, seconds: 0 });
            let received = members.read(&member, lifetime).expect("a member");
            prop_assert_eq!(received.channels, names);
            prop_assert_eq!(received.event.to_json().expect("JSON"), event.to_json().expect("JSON"));
        }

        #[test]
        fn nothing_panics(member: Vec<u8>, prefix in 0..9_usize, json: bool) {
            let format = if json { Format::Json } else { Format::MsgPack };
            let members = Members { body: Body { format, encryption: None }, prefix };
            let _ = members.read(&member, None);
        }
    }
}
