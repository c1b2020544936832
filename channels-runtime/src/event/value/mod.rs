//! What a payload is made of, whoever sent it: JSON's shapes, and the values that JSON lacks.

mod de;
mod ser;

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What goes wrong between a value and a Rust type: serde's own plain error.
pub(crate) type ValueError = serde::de::value::Error;

/// One value of a payload.
///
/// It takes the shapes that `serde_json` gives to Rust types, so a payload looks the same in
/// every format. Unlike JSON it holds bytes, floats that are no numbers and integers of up to 127
/// bits: a Python program sends all of these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(Fields),
}

impl Value {
    /// The value of a Rust type.
    ///
    /// # Errors
    ///
    /// What the type itself says, or a map whose keys cannot be text, or an integer that is too big.
    pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, ValueError> {
        value.serialize(ser::Serializer)
    }
}

/// As it is, but for numbers with more digits than both have room for: these become floats.
impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(value) => match value.as_i128() {
                Some(value) => Self::Int(value),
                None => Self::Float(value.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(value) => Self::Text(value),
            serde_json::Value::Array(list) => {
                Self::List(list.into_iter().map(Self::from).collect())
            }
            serde_json::Value::Object(map) => {
                let pairs = map.into_iter();
                Self::Map(Fields(pairs.map(|(name, it)| (name, it.into())).collect()))
            }
        }
    }
}

/// How `serde_json` names its own types to a serializer: texts that are JSON already.
const RAW_JSON: &str = "$serde_json::private::";

/// The fields of a payload, in the order in which they were sent, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Reads the fields as a Rust type.
    ///
    /// # Errors
    ///
    /// What the type says of a value that is not as it should be.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        T::deserialize(self)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Takes a field out; the others stay in order.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    /// Puts a field, which is not there yet, before all others.
    #[cfg(feature = "redis")]
    pub(crate) fn insert_first(&mut self, name: &str, value: Value) {
        self.0.insert(0, (name.to_owned(), value));
    }

    /// Puts a field, which is not there yet, behind all others.
    #[cfg(feature = "redis")]
    pub(crate) fn push(&mut self, name: &str, value: Value) {
        self.0.push((name.to_owned(), value));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// As a Python dict: of two values under one name the last one stays, in the place of the first.
impl From<Vec<(String, Value)>> for Fields {
    fn from(mut pairs: Vec<(String, Value)>) -> Self {
        let mut firsts = HashMap::with_capacity(pairs.len());
        let places: Vec<usize> = (pairs.iter().enumerate())
            .map(|(at, (name, _))| *firsts.entry(name.as_str()).or_insert(at))
            .collect();
        for (at, &place) in places.iter().enumerate() {
            pairs.swap(place, at);
        }
        let mut places = places.into_iter().enumerate();
        pairs.retain(|_| places.next().is_some_and(|(at, place)| at == place));
        Self(pairs)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        flag: bool,
        small: i8,
        large: u64,
        huge: i128,
        float: f64,
        letter: char,
        text: String,
        none: Option<u8>,
        some: Option<u8>,
        unit: (),
        pair: (u8, String),
        wrapped: Wrapped,
        by_number: BTreeMap<u32, bool>,
        by_flag: HashMap<bool, i16>,
        kinds: Vec<Kind>,
    }

    #[test]
    fn raw_json_is_what_it_says() {
        #[derive(Serialize, Deserialize)]
        struct Raw {
            raw: Box<serde_json::value::RawValue>,
        }
        let json = r#"{"a":[1,null]}"#.to_owned();
        let raw = serde_json::value::RawValue::from_string(json.clone()).expect("JSON");
        let fields = map(Value::of(&Raw { raw }).expect("a value"));
        assert_eq!(
            serde_json::to_value(&fields).expect("JSON"),
            json!({ "raw": { "a": [1, null] } })
        );
        assert_eq!(fields.decode::<Raw>().expect("decodes").raw.get(), json);
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapped(Box<str>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }

    fn everything() -> Everything {
        Everything {
            flag: true,
            small: -8,
            large: u64::MAX,
            huge: -1,
            float: 0.5,
            letter: 'é',
            text: "text".to_owned(),
            none: None,
            some: Some(1),
            unit: (),
            pair: (1, "two".to_owned()),
            wrapped: Wrapped("inside".into()),
            by_number: BTreeMap::from([(7, true)]),
            by_flag: HashMap::from([(false, -1)]),
            kinds: vec![
                Kind::Unit,
                Kind::Newtype(1),
                Kind::Tuple(1, 2),
                Kind::Struct { a: 1 },
            ],
        }
    }

    fn map(value: Value) -> Fields {
        match value {
            Value::Map(fields) => fields,
            other => panic!("no map: {other:?}"),
        }
    }

    #[test]
    fn a_value_has_the_shape_that_serde_json_gives() {
        let value = Value::of(&everything()).expect("a value");
        assert_eq!(
            serde_json::to_value(&value).expect("JSON"),
            serde_json::to_value(everything()).expect("JSON")
        );
        assert_eq!(
            map(value).decode::<Everything>().expect("decodes"),
            everything()
        );
    }

    #[test]
    fn what_json_lacks_is_held() {
        #[derive(Serialize, Deserialize)]
        struct Beyond {
            bytes: bytes::Bytes,
            nan: f64,
            huge: i128,
        }
        let sent = Beyond {
            bytes: bytes::Bytes::from_static(&[0, 255]),
            nan: f64::NAN,
            huge: i128::MAX,
        };
        let fields = map(Value::of(&sent).expect("a value"));
        assert_eq!(
            fields.iter().next(),
            Some(("bytes", &Value::Bytes(vec![0, 255])))
        );
        let read: Beyond = fields.decode().expect("decodes");
        assert_eq!((read.bytes, read.huge), (sent.bytes, sent.huge));
        assert!(read.nan.is_nan());
        let as_list: HashMap<String, Vec<u8>> =
            Fields::from(vec![("a".to_owned(), Value::Bytes(vec![1, 2]))])
                .decode()
                .expect("a list of numbers");
        assert_eq!(as_list["a"], [1, 2]);
        assert!(Value::of(&u128::MAX).is_err());
        assert!(Value::of(&HashMap::from([((), 1)])).is_err());
    }

    #[test]
    fn of_two_values_the_last_stays_in_the_place_of_the_first() {
        let fields = Fields::from(
            [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5), ("c", 6)]
                .map(|(name, value)| (name.to_owned(), Value::Int(value)))
                .to_vec(),
        );
        let fields: Vec<_> = fields.iter().collect();
        assert_eq!(
            fields,
            [
                ("a", &Value::Int(5)),
                ("b", &Value::Int(2)),
                ("c", &Value::Int(6))
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (json, what) in [
            (json!({ "kind": "Other" }), "unknown variant"),
            (
                json!({ "kind": { "Unit": null, "Newtype": 1 } }),
                "that one key",
            ),
            (json!({ "kind": { "Newtype": 300 } }), "300"),
            (json!({ "kind": { "Tuple": [1] } }), "invalid length"),
            (json!({ "kind": 5 }), "invalid type"),
            (json!({}), "missing field"),
        ] {
            #[derive(Debug, Deserialize)]
            struct Holder {
                #[expect(dead_code, reason = "only decoded")]
                kind: Kind,
            }
            let fields = map(Value::of(&json).expect("a value"));
            let error = fields.decode::<Holder>().expect_err("does not fit");
            assert!(error.to_string().contains(what), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_map_is_as_a_sequence_of_insertions(
            pairs in proptest::collection::vec(("[a-d]{0,2}", 0..9_u8), 0..40),
        ) {
            let expected: BTreeMap<String, u8> = pairs.iter().cloned().collect();
            let fields = Fields::from(
                pairs.into_iter().map(|(name, value)| (name, Value::Int(value.into()))).collect::<Vec<_>>(),
            );
            prop_assert_eq!(fields.iter().count(), expected.len());
            prop_assert_eq!(fields.decode::<BTreeMap<String, u8>>().expect("numbers"), expected);
        }
    }
}
