//! The vectors that the real packages wrote, and their notation for what JSON lacks.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use crate::event::Value;

/// One file of `tests/interop`.
pub(super) struct File(&'static str);

macro_rules! files {
    ($($name:ident: $path:literal;)*) => {$(
        pub(super) const $name: File =
            File(include_str!(concat!("../../../../tests/interop/", $path)));
    )*};
}

files! {
    CAPACITY: "capacity.json";
    CORE_MESSAGES: "redis_core_messages.json";
    DECODE: "redis_decode.json";
    ENCRYPTION: "redis_encryption.json";
    KEYS: "redis_keys.json";
    NAMES: "names.json";
    PUBSUB: "redis_pubsub.json";
    SHARDING: "redis_sharding.json";
}

impl File {
    /// The vectors under a key, which are so many.
    pub(super) fn all<T: DeserializeOwned>(&self, key: &str, count: usize) -> Vec<T> {
        let Value::Map(mut file) = serde_json::from_str(self.0).expect("JSON") else {
            panic!("a file is a map");
        };
        let list = file.remove(key).expect("the key is in the file");
        let list: Vec<T> = Vec::deserialize(&list).expect("vectors of this form");
        assert_eq!(list.len(), count, "{key}");
        list
    }
}

pub(super) fn text(json: &Json) -> &str {
    json.as_str().expect("a text")
}

pub(super) fn number<T: DeserializeOwned>(json: &Json) -> T {
    T::deserialize(json).unwrap_or_else(|_| panic!("a number: {json}"))
}

pub(super) fn hex(digits: &str) -> Vec<u8> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        panic!("an odd number of digits: {digits}");
    };
    let byte = |pair| {
        let digits = str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(digits, 16).expect("hex digits")
    };
    pairs.iter().map(|pair| byte(pair)).collect()
}

/// Text or bytes, as a secret or a token may be either.
pub(super) fn bytes(json: &Json) -> Vec<u8> {
    match json.get("$bytes") {
        Some(digits) => hex(text(digits)),
        None => text(json).as_bytes().to_vec(),
    }
}

/// A message of the vectors as a value; where an event cannot hold it, what it cannot hold.
pub(super) fn message(notation: &Value) -> Result<Value, &str> {
    match notation {
        Value::List(list) => list
            .iter()
            .map(message)
            .collect::<Result<_, _>>()
            .map(Value::List),
        Value::Map(fields) => match fields.iter().next() {
            Some((sign, value)) if sign.starts_with('$') => special(sign, value),
            _ => {
                let mut pairs = Vec::new();
                for (name, value) in fields.iter() {
                    pairs.push((name.to_owned(), message(value)?));
                }
                Ok(Value::Map(pairs.into()))
            }
        },
        plain => Ok(plain.clone()),
    }
}

fn special<'a>(sign: &'a str, value: &'a Value) -> Result<Value, &'a str> {
    let text = |value: &'a Value| match value {
        Value::Text(text) => text.as_str(),
        other => panic!("no text: {other:?}"),
    };
    let repeated = |value: &'a Value| match value {
        Value::List(pair) => match &pair[..] {
            [value, Value::Int(count)] => (value, usize::try_from(*count).expect("a count")),
            _ => panic!("no pair"),
        },
        other => panic!("no list: {other:?}"),
    };
    Ok(match sign {
        "$bytes" => Value::Bytes(hex(text(value))),
        "$f64" => {
            let bytes = hex(text(value)).try_into().expect("eight bytes");
            Value::Float(f64::from_be_bytes(bytes))
        }
        "$int" => Value::Int(text(value).parse().map_err(|_| sign)?),
        "$tuple" => message(value)?,
        "$repeat" => {
            let (value, count) = repeated(value);
            Value::Text(text(value).repeat(count))
        }
        "$bytes_repeat" => {
            let (value, count) = repeated(value);
            Value::Bytes(hex(text(value)).repeat(count))
        }
        "$list_repeat" => {
            let (value, count) = repeated(value);
            Value::List(vec![message(value)?; count])
        }
        "$map" | "$ext" | "$timestamp" | "$lone_surrogate" | "$py" => return Err(sign),
        other => panic!("an unknown sign: {other}"),
    })
}

/// For comparing floats that are no numbers as well.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

/// In the order of the file, in which messages are written.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
                Ok(Value::Bool(v))
            }

            fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
                Ok(Value::Int(v.into()))
            }

            fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
                Ok(Value::Int(v.into()))
            }

            fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
                Ok(Value::Float(v))
            }

            fn visit_str<E>(self, v: &str) -> Result<Value, E> {
                Ok(Value::Text(v.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = seq.next_element()? {
                    list.push(value);
                }
                Ok(Value::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut pairs: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if pairs.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom("a name is there twice"));
                    }
                    pairs.push((name, value));
                }
                Ok(Value::Map(pairs.into()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
