//! The formats against what the real serializers wrote and read.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

use super::super::vectors::{self, hex, message, same};
use super::*;
use crate::event::Fields;

impl Format {
    pub(in super::super) fn named(name: &str) -> Self {
        match name {
            "msgpack" => Self::MsgPack,
            "json" => Self::Json,
            other => panic!("an unknown serializer: {other}"),
        }
    }
}

#[derive(Deserialize)]
struct Foreign {
    id: String,
    serializer: String,
    body_hex: Option<String>,
    body_is: Option<String>,
    member_hex: Option<String>,
    decoded: Option<Value>,
    ok: bool,
}

/// What Python reads and we do not: what no event holds, and what lies too deep. An error says so.
const NOT_READ: [&str; 10] = [
    "msgpack/ext8",
    "msgpack/fixext1",
    "msgpack/timestamp32",
    "msgpack/timestamp64",
    "msgpack/timestamp96",
    "json/lone surrogate escape",
    "msgpack/maps nested 500 deep around nil",
    "msgpack/maps nested 1000 deep around nil",
    "msgpack/maps nested 1023 deep around nil",
    "msgpack/maps nested 1024 deep around nil",
];

#[test]
fn what_foreign_encoders_wrote_is_read_as_python_reads_it() {
    let (mut read, mut refused, mut elsewhere, mut not_read) = (0, 0, 0, vec![]);
    for vector in vectors::DECODE.all::<Foreign>("vectors", 69) {
        let id = &vector.id;
        let body = match (&vector.body_hex, &vector.body_is) {
            (Some(digits), _) => hex(digits),
            (_, Some(description)) => nested(description),
            _ => {
                assert!(vector.member_hex.is_some(), "{id}");
                elsewhere += 1;
                continue;
            }
        };
        let result = Format::named(&vector.serializer).read(&body);
        let expected = vector.decoded.as_ref().map(message);
        match (result, expected) {
            (Ok(value), Some(Ok(expected))) => {
                assert!(vector.ok && same(&value, &expected), "{id}: {value:?}");
                read += 1;
            }
            // In the file `null` is the same as none.
            (Ok(Value::Null), None) if vector.ok => read += 1,
            // A key that is bytes becomes text.
            (Ok(value), Some(Err("$map"))) => {
                assert_eq!(id, "msgpack/bin key");
                assert_eq!(value, map([("a", Value::Text("b".to_owned()))]));
                read += 1;
            }
            (Err(_), None) if !vector.ok => refused += 1,
            (Err(error), _) if vector.ok => {
                let what = error.to_string();
                let reasons = ["which no event holds", "more than 128 lists and maps"];
                assert!(reasons.iter().any(|reason| what.contains(reason)), "{what}");
                not_read.push(vector.id);
            }
            (result, _) => panic!("{id}: {result:?}"),
        }
    }
    assert_eq!(not_read, NOT_READ);
    assert_eq!((read, refused, elsewhere), (36, 19, 4));
}

/// "500 times 81a161, then c0"
fn nested(description: &str) -> Vec<u8> {
    let [times, "times", unit, "then", end] = description.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{description}");
    };
    let unit = hex(unit.trim_end_matches(','));
    [unit.repeat(times.parse().expect("a number")), hex(end)].concat()
}

#[derive(Deserialize)]
struct Written {
    id: String,
    serializer: String,
    message: Value,
    received: Option<Value>,
    prefix_hex: Option<String>,
    member_hex: Option<String>,
    member_len: Option<usize>,
    member_sha256: Option<String>,
    member_head_hex: Option<String>,
    send_error: Option<String>,
    receive_error: Option<String>,
    queues: Option<Json>,
    client_prefix: Option<String>,
}

/// What Python sent and no event holds, and what becomes of it here.
const NOT_HELD: [(&str, Outcome); 22] = [
    ("msgpack/general/bytes_key", Outcome::Read),
    ("msgpack/general/int_key", Outcome::Refused),
    ("msgpack/general/bool_key", Outcome::Refused),
    ("msgpack/general/none_key", Outcome::Refused),
    ("msgpack/general/float_key", Outcome::Refused),
    ("msgpack/general/datetime", Outcome::NotSent),
    ("msgpack/general/uuid", Outcome::NotSent),
    ("msgpack/general/set", Outcome::NotSent),
    ("msgpack/general/lone_surrogate", Outcome::NotSent),
    ("msgpack/general/ext", Outcome::Stricter),
    ("msgpack/general/timestamp", Outcome::Stricter),
    ("json/general/bytes_key", Outcome::NotSent),
    ("json/general/int_key", Outcome::Read),
    ("json/general/bool_key", Outcome::Read),
    ("json/general/none_key", Outcome::Read),
    ("json/general/float_key", Outcome::Read),
    ("json/general/datetime", Outcome::NotSent),
    ("json/general/uuid", Outcome::NotSent),
    ("json/general/set", Outcome::NotSent),
    ("json/general/lone_surrogate", Outcome::Stricter),
    ("json/general/ext", Outcome::NotSent),
    ("json/general/timestamp", Outcome::NotSent),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// Python does not send it either.
    NotSent,
    /// Its keys are text to us, as they are to Python's reader of JSON.
    Read,
    /// Neither Python nor we read it.
    Refused,
    /// Python reads it and we do not.
    Stricter,
}

impl Written {
    fn outcome(&self, format: Format) -> Outcome {
        let Some(member) = &self.member_hex else {
            assert!(self.send_error.is_some(), "{}", self.id);
            return Outcome::NotSent;
        };
        let prefix = self.prefix_hex.as_ref().expect("a prefix");
        match format.read(&hex(&member[prefix.len()..])) {
            Ok(value) => {
                let expected = match &self.received {
                    Some(received @ Value::Map(_)) => message(received).expect("an event's"),
                    _ => map([("v", map([("k", Value::Int(1))]))]),
                };
                assert_eq!(value, expected, "{}", self.id);
                Outcome::Read
            }
            Err(_) if self.receive_error.is_some() => Outcome::Refused,
            Err(error) => {
                assert!(
                    error.to_string().contains("which no event holds"),
                    "{error}"
                );
                Outcome::Stricter
            }
        }
    }
}

#[test]
fn messages_are_written_byte_by_byte_as_by_python() {
    let (mut written, mut refused, mut members, mut not_held) = (0, 0, 0, vec![]);
    for vector in vectors::CORE_MESSAGES.all::<Written>("vectors", 196) {
        if vector.queues.is_some() || vector.client_prefix.is_some() {
            members += 1; // They have recipients: see `member`.
            continue;
        }
        let (id, format) = (&vector.id, Format::named(&vector.serializer));
        let Ok(held) = message(&vector.message) else {
            not_held.push((vector.id.clone(), vector.outcome(format)));
            continue;
        };
        let body = match (format.write(&held), &vector.send_error) {
            (Ok(body), None) => body,
            (Err(_), Some(_)) => {
                refused += 1;
                continue;
            }
            (result, error) => panic!("{id}: {result:?} instead of {error:?}"),
        };
        vector.check(&body);
        assert!(same(&format.read(&body).expect("ours"), &held), "{id}");
        written += 1;
    }
    assert_eq!((written, refused, members), (154, 10, 10));
    let not_held: Vec<_> = not_held.iter().map(|(id, it)| (id.as_str(), *it)).collect();
    assert_eq!(not_held, NOT_HELD);
}

impl Written {
    /// Long members are told by their length, their hash and how they begin.
    fn check(&self, body: &[u8]) {
        use sha2::{Digest as _, Sha256};

        let id = &self.id;
        let prefix = hex(self.prefix_hex.as_ref().expect("a prefix"));
        let member = [&prefix, body].concat();
        if let Some(expected) = &self.member_hex {
            assert_eq!(member, hex(expected), "{id}");
            return;
        }
        assert_eq!(Some(member.len()), self.member_len, "{id}");
        assert!(
            member.starts_with(&hex(self.member_head_hex.as_ref().expect("a head"))),
            "{id}"
        );
        let digest = hex(self.member_sha256.as_ref().expect("a digest"));
        assert_eq!(Sha256::digest(&member)[..], digest, "{id}");
    }
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    Value::Map(Fields::from(fields.to_vec()))
}

/// Any value that the format can hold.
fn any_value(format: Format) -> impl Strategy<Value = Value> {
    let ints = match format {
        Format::MsgPack => (i128::from(i64::MIN)..=i128::from(u64::MAX)).boxed(),
        Format::Json => any::<i128>().boxed(),
    };
    let bytes = match format {
        Format::MsgPack => any::<Vec<u8>>().prop_map(Value::Bytes).boxed(),
        Format::Json => Just(Value::Null).boxed(),
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-70_000..70_000_i128).prop_map(Value::Int),
        ints.prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        any::<String>().prop_map(Value::Text),
        bytes,
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let pairs = proptest::collection::vec((any::<String>(), inner.clone()), 0..8);
        prop_oneof![
            proptest::collection::vec(inner, 0..8).prop_map(Value::List),
            pairs.prop_map(|pairs| Value::Map(Fields::from(pairs))),
        ]
    })
}

/// The memory that a value has asked for.
fn footprint(value: &Value) -> usize {
    let inside = match value {
        Value::Text(text) => text.capacity(),
        Value::Bytes(bytes) => bytes.capacity(),
        Value::List(list) => {
            let unused = list.capacity() - list.len();
            unused * size_of::<Value>() + list.iter().map(footprint).sum::<usize>()
        }
        Value::Map(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| 24 + name.len() + footprint(value))
                .sum()
        }
        _ => 0,
    };
    size_of::<Value>() + inside
}

fn both() -> [Format; 2] {
    [Format::MsgPack, Format::Json]
}

#[test]
fn what_promises_more_than_it_has_is_refused_at_once() {
    let deep = |unit: &[u8]| unit.repeat(1 << 16);
    for body in [
        b"\xdd\xff\xff\xff\xff".to_vec(),
        b"\xdf\xff\xff\xff\xff\xa0".to_vec(),
        b"\xc6\xff\xff\xff\xff\x00".to_vec(),
        b"\xdb\xff\xff\xff\xffa".to_vec(),
        deep(b"\xdd\x00\x00\xff\xff"),
        deep(b"\xdc\x00\x01"),
        deep(b"\x81\xa0"),
    ] {
        let error = Format::MsgPack.read(&body).expect_err("too short");
        let error = error.to_string();
        assert!(
            error.contains("too early") || error.contains("128 lists"),
            "{error}"
        );
    }
    for body in [deep(b"["), deep(b"{\"\":")] {
        let error = Format::Json.read(&body).expect_err("too deep").to_string();
        assert!(error.contains("128 lists"), "{error}");
    }
}

#[test]
fn the_worst_messages_take_less_than_a_hundred_times_their_size() {
    let list16 = |unit: &[u8]| [&b"\xdc\xff\xff"[..], &unit.repeat(65535)].concat();
    let json_list = |unit: &[u8]| [b"[", &unit.repeat(5000)[1..], b"]"].concat();
    for (format, body) in [
        (Format::MsgPack, list16(b"\xc0")),
        (Format::MsgPack, list16(b"\x90")),
        (Format::MsgPack, list16(b"\x91\xc0")),
        (Format::MsgPack, list16(b"\xa1a")),
        (Format::MsgPack, list16(b"\x81\xa0\xc0")),
        (
            Format::MsgPack,
            [b"\x91".repeat(100), b"\xc0".to_vec()].concat(),
        ),
        (Format::Json, json_list(b",1")),
        (Format::Json, json_list(b",[1]")),
        (Format::Json, json_list(b",{\"\":1}")),
        (Format::Json, [b"[".repeat(100), b"]".repeat(100)].concat()),
    ] {
        let value = format.read(&body).expect("a value");
        let (has, takes) = (body.len(), footprint(&value));
        assert!(takes < 100 * has, "{format:?}: {takes} for {has}");
    }
}

#[test]
fn floats_are_written_as_python_prints_them() {
    for (float, text) in [
        (1e15, "1000000000000000.0"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (0.0001, "0.0001"),
        (0.000_012, "1.2e-05"),
        (1e-100, "1e-100"),
    ] {
        let written = Format::Json.write(&Value::Float(float)).expect("fits");
        assert_eq!(String::from_utf8(written).expect("text"), text);
    }
}

proptest! {
    #[test]
    fn what_is_written_as_msgpack_is_read(value in any_value(Format::MsgPack)) {
        let body = Format::MsgPack.write(&value).expect("fits");
        prop_assert!(same(&Format::MsgPack.read(&body).expect("ours"), &value));
        prop_assert!(Format::MsgPack.read(&body[..body.len() - 1]).is_err());
        prop_assert!(Format::MsgPack.read(&[&body, &b"\xc0"[..]].concat()).is_err());
    }

    #[test]
    fn what_is_written_as_json_is_read(value in any_value(Format::Json)) {
        let body = Format::Json.write(&value).expect("fits");
        prop_assert!(body.is_ascii());
        prop_assert!(same(&Format::Json.read(&body).expect("ours"), &value));
    }

    #[test]
    fn no_bytes_panic_or_take_much(
        bytes: Vec<u8>,
        json in "[\\[\\]{}:,\"a0-9.eE\\\\u+NaInfity -]{0,80}",
    ) {
        for body in [&bytes[..], json.as_bytes()] {
            for format in both() {
                if let Ok(value) = format.read(body) {
                    prop_assert!(footprint(&value) <= 100 * body.len());
                }
            }
        }
    }

    #[test]
    fn a_damaged_message_never_panics(value in any_value(Format::MsgPack), at: u16, with: u8) {
        for format in both() {
            if let Ok(mut body) = format.write(&value) {
                let at = usize::from(at) % body.len();
                body[at] = with;
                let _ = format.read(&body);
            }
        }
    }
}
