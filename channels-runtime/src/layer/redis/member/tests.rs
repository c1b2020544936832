//! What `channels_redis` wrote, what it never would, and anything.

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
        let To::Channels(channels) = received.to else {
            panic!("a group");
        };
        match to {
            Recipients::Queue => assert!(channels.is_empty()),
            Recipients::One(name) => assert_eq!(channels, [name]),
            Recipients::Many(names) => assert_eq!(channels, names),
            Recipients::Group { .. } => unreachable!("it is ours alone"),
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
                encryption: Fernet::new(vector.keys.as_array().expect("keys").iter().map(bytes)),
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
        assert_eq!(received.to, To::Channels(vec![vector.channel]));
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
    assert_eq!(received.to, To::Channels(vec!["a!b".to_owned()]));
    assert_eq!(
        received.event.to_json().expect("JSON"),
        json!({ "type": "t" })
    );

    for bad in [&b"\x01"[..], b"\x91\x01", b"\xc0"] {
        let member = [&b"\x82\xa4type\xa1t\xb0__asgi_channel__"[..], bad].concat();
        assert!(members.read(&member, None).is_err());
    }
    for bad in [
        &b"\xa1g"[..],
        b"\x90",
        b"\x91\xa1g",
        b"\x92\xa1g\xff",
        b"\x92\x01\x01",
        b"\x93\xa1g\x01\xc0",
        b"\x93\xa1g\x01\xa2\xc3\xa9",
        b"\x94\xa1g\x01\xa1c\x01",
    ] {
        let member = [&b"\x82\xa4type\xa1t\xae__asgi_group__"[..], bad].concat();
        let (error, _) = members.read(&member, None).expect_err("no group");
        assert_eq!(error.kind(), ErrorKind::Decode, "{bad:?}");
    }
    for reserved in ["__asgi_channel__", "__asgi_group__"] {
        let event = Event::new("t", json!({ reserved: "a!b" })).expect("an event");
        let error = members
            .write(&event, Recipients::Queue, 0)
            .expect_err("reserved");
        assert_eq!(error.kind(), ErrorKind::Encode);
    }
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
        prop_assert_eq!(received.to, To::Channels(names.iter().map(ToString::to_string).collect()));
        prop_assert_eq!(received.event.to_json().expect("JSON"), event.to_json().expect("JSON"));
    }

    #[test]
    fn a_group_that_is_written_is_read(
        name: String,
        census: u64,
        except in proptest::option::of("[a-z]{1,9}![a-z]{1,9}"),
        json: bool,
    ) {
        let format = if json { Format::Json } else { Format::MsgPack };
        let members = Members { body: Body { format, encryption: None }, prefix: 12 };
        let event = Event::new("t", json!({})).expect("an event");
        let except = except.map(|it| ChannelName::new(&it).expect("a name"));
        let census = Census(census);
        let to = Recipients::Group { name: &name, census, except: except.as_ref() };
        let member = members.write(&event, to, 5).expect("fits");
        let received = members.read(&member, None).expect("a member");
        prop_assert_eq!(received.to, To::Group { name, census, except });
    }

    #[test]
    fn nothing_panics(member: Vec<u8>, prefix in 0..9_usize, json: bool) {
        let format = if json { Format::Json } else { Format::MsgPack };
        let members = Members { body: Body { format, encryption: None }, prefix };
        let _ = members.read(&member, None);
    }
}
