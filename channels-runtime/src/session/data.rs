//! What a session holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json;
use crate::{Error, ErrorKind, Result};

/// How many bytes of JSON a session may have. Django knows no bound. Real sessions have a few
/// kilobytes; this leaves room for a form of several pages, and says where a mistake ends: a session
/// is in memory for as long as its socket is open.
pub(super) const MAX_JSON: usize = 4 * 1024 * 1024;

/// A session's values under their keys, in the order in which they came.
///
/// They lie in one piece of JSON, each as Django wrote it: what nobody touches goes back unchanged,
/// even where it is nothing that Rust has, such as `NaN` or an integer of a hundred digits.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionData {
    /// The entries of the object, in the normal form and without its braces; no key stands twice.
    entries: Box<str>,
}

impl SessionData {
    /// Reads JSON as Python does. None if it is no JSON, no object, or more than a session may have.
    ///
    /// Of entries with the same key the last one counts, in the place of the first.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let normal = json::normal(text).filter(|normal| normal.len() <= MAX_JSON)?;
        let entries = normal.strip_prefix('{')?.strip_suffix('}')?;
        Some(Self {
            entries: without_duplicates(entries).into(),
        })
    }

    /// The JSON that Django would write.
    pub(crate) fn to_json(&self) -> String {
        ["{", &*self.entries, "}"].concat()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys, oldest first. One that is no text in Rust is shown with U+FFFD in it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        entries(&self.entries).map(|entry| json::unquote(entry.key))
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.find(&json::quote(key)).is_some()
    }

    /// The value under a key; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the value is no `T`.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(entry) = self.find(&json::quote(key)) else {
            return Ok(None);
        };
        Self::decode(key, entry.value).map(Some)
    }

    /// The value under a key, as JSON.
    pub(crate) fn json_of(&self, key: &str) -> Option<String> {
        self.find(&json::quote(key))
            .map(|entry| entry.value.to_owned())
    }

    /// Decodes the value of a key: user code.
    pub(crate) fn decode<T: DeserializeOwned>(key: &str, value: &str) -> Result<T> {
        serde_json::from_str(value).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            let message = format!("the session's `{key}` is no {wanted}");
            Error::caused(ErrorKind::Decode, message, error)
        })
    }

    /// Puts a value under a key, in the place of the old one if there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the value does not become JSON, or the session becomes too large.
    pub(crate) fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<()> {
        self.insert_json(key, &Self::encode(key, value)?)
    }

    /// Encodes what is to be the value of a key: user code.
    pub(crate) fn encode<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<String> {
        serde_json::to_string(value).map_err(|error| {
            let message = format!("what is to be the session's `{key}` does not become JSON");
            Error::caused(ErrorKind::Encode, message, error)
        })
    }

    /// As [`insert`](Self::insert), for a value that is encoded already.
    pub(crate) fn insert_json(&mut self, key: &str, text: &str) -> Result<()> {
        let value = json::normal(text).ok_or_else(|| {
            let message = format!("what is to be the session's `{key}` is nested too deeply");
            Error::new(ErrorKind::Encode, message)
        })?;
        let key_text = json::quote(key);
        let changed = match self.find(&key_text) {
            Some(old) => [old.before, &key_text, ":", &value, old.behind].concat(),
            None if self.is_empty() => [&key_text, ":", &value].concat(),
            None => [&*self.entries, ",", &key_text, ":", &value].concat(),
        };
        // The braces count.
        if changed.len() + 2 > MAX_JSON {
            return Err(Error::new(
                ErrorKind::Encode,
                format!(
                    "a session has at most {MAX_JSON} bytes; with `{key}` it would have {}",
                    changed.len() + 2
                ),
            ));
        }
        self.entries = changed.into();
        Ok(())
    }

    /// Takes a key and its value out, and tells whether it was there.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Some(old) = self.find(&json::quote(key)) else {
            return false;
        };
        // One of its two commas goes with it.
        let left = match old.behind.strip_prefix(',') {
            Some(behind) => [old.before, behind].concat(),
            None => old.before.strip_suffix(',').unwrap_or_default().to_owned(),
        };
        self.entries = left.into();
        true
    }

    fn find(&self, key: &str) -> Option<Entry<'_>> {
        entries(&self.entries).find(|entry| entry.key == key)
    }
}

impl fmt::Debug for SessionData {
    /// Shows the keys, not the values: these hold whatever the site keeps secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

/// One key and its value, in the normal form, and what stands around them.
struct Entry<'a> {
    before: &'a str,
    key: &'a str,
    value: &'a str,
    behind: &'a str,
}

fn entries(all: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (before, rest) = all.split_at_checked(at)?;
        let (key, _) = rest.split_at_checked(json::until(rest, b':').len())?;
        let value = json::until(rest.get(key.len() + 1..)?, b',');
        let behind = &rest[key.len() + 1 + value.len()..];
        // Behind its comma.
        at = all.len() - behind.len() + 1;
        Some(Entry {
            before,
            key,
            value,
            behind,
        })
    })
}

/// The same entries, each key once.
fn without_duplicates(all: &str) -> String {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut kept: Vec<(&str, &str)> = Vec::new();
    for entry in entries(all) {
        match places.entry(entry.key) {
            Place::Occupied(place) => kept[*place.get()].1 = entry.value,
            Place::Vacant(place) => {
                place.insert(kept.len());
                kept.push((entry.key, entry.value));
            }
        }
    }
    let mut once = String::with_capacity(all.len());
    for (key, value) in kept {
        let comma = if once.is_empty() { "" } else { "," };
        once.extend([comma, key, ":", value]);
    }
    once
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> SessionData {
        SessionData::from_json(text).expect("an object")
    }

    #[test]
    fn doubles_keep_their_last_digit() {
        for step in 0..20_000 {
            let double = 1_700_000_000.0 + f64::from(step) * 0.137_931_7;
            let mut data = read(&format!("{{\"at\":{double:?}}}"));
            let at: f64 = data.get("at").expect("a number").expect("it is there");
            assert_eq!(at.to_bits(), double.to_bits());
            data.insert("at", &at).expect("a number");
            let again: f64 = data.get("at").expect("a number").expect("it is there");
            assert_eq!(again.to_bits(), double.to_bits());
        }
    }

    #[test]
    fn what_nobody_touches_goes_back_unchanged() {
        let text = concat!(
            r#"{"v":NaN,"i":-Infinity,"big":1180591620717411303424,"f":1.50,"s":"\ud800","#,
            r#""\udfff":[{"a":[1,"}],\"{"]}],"\u00e9":"x"}"#
        );
        let mut data = read(text);
        assert_eq!(data.to_json(), text);
        data.insert("f", &2).expect("a number");
        data.insert("new", "é").expect("a text");
        assert!(data.remove("é"));
        let changed = text
            .replace("1.50", "2")
            .replace(r#","\u00e9":"x"}"#, r#","new":"\u00e9"}"#);
        assert_eq!(data.to_json(), changed);
        assert!(
            data.keys()
                .eq(["v", "i", "big", "f", "s", "\u{fffd}", "new"])
        );
    }

    #[test]
    fn values_are_read_as_what_they_are() {
        let data = read(r#"{"n":null,"i":7,"s":"a\nb","nan":NaN,"lone":"\ud800","a":[1,2]}"#);
        assert_eq!(data.get::<Option<u8>>("n").expect("null"), Some(None));
        assert_eq!(data.get::<u8>("i").expect("a number"), Some(7));
        assert_eq!(
            data.get::<String>("s").expect("a text").as_deref(),
            Some("a\nb")
        );
        assert_eq!(
            data.get::<Vec<u8>>("a").expect("an array"),
            Some(vec![1, 2])
        );
        assert_eq!(data.get::<u8>("missing").expect("nothing"), None);
        for key in ["nan", "lone", "a"] {
            let error = data.get::<String>(key).expect_err("no text");
            assert_eq!(error.kind(), ErrorKind::Decode);
            let message = format!("the session's `{key}` is no alloc::string::String");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts_in_the_place_of_the_first() {
        let data = read(r#"{"a":1,"b":{"a":0},"\u0061":2,"b":3}"#);
        assert_eq!(data.to_json(), r#"{"a":2,"b":3}"#);
    }

    #[test]
    fn what_is_no_object_is_no_session() {
        for text in ["[1,2]", "null", "1", "\"{}\"", "", "{", "{}{}"] {
            assert_eq!(SessionData::from_json(text), None, "{text}");
        }
        assert!(read(" { } ").is_empty());
        assert_eq!(SessionData::default().to_json(), "{}");
    }

    #[test]
    fn values_that_cannot_be_kept_are_refused() {
        let mut data = read(r#"{"a":1}"#);
        let pairs = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = data.insert("pairs", &pairs).expect_err("no JSON");
        assert_eq!(error.kind(), ErrorKind::Encode);
        let error = data
            .insert("large", &"x".repeat(MAX_JSON))
            .expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert_eq!(data.to_json(), r#"{"a":1}"#);
        // `{"a":1,"large":""}`
        data.insert("large", &"x".repeat(MAX_JSON - 18))
            .expect("just fits");
        assert_eq!(SessionData::from_json(&data.to_json()), Some(data));
    }

    #[test]
    fn many_entries_take_linear_time() {
        let entries: Vec<_> = (0..300_000)
            .map(|i| format!("\"{}\":0", i % 150_000))
            .collect();
        let data = read(&format!("{{{}}}", entries.join(",")));
        assert_eq!(data.keys().count(), 150_000);
    }

    #[test]
    fn the_debug_form_shows_no_values() {
        assert_eq!(format!("{:?}", read(r#"{"a":"secret"}"#)), r#"{"a"}"#);
    }

    #[derive(Clone, Debug)]
    enum Change {
        Insert(String, Value),
        Remove(String),
        Clear,
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let key = "[ab\"\\\\é😀,:{}]{0,2}";
        let value = prop_oneof![
            any::<i64>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from)
        ];
        prop_oneof![
            8 => (key, value).prop_map(|(key, value)| Change::Insert(key, value)),
            4 => key.prop_map(Change::Remove),
            1 => Just(Change::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_map(changes in prop::collection::vec(any_change(), 0..40)) {
            let mut data = SessionData::default();
            let mut model: Vec<(String, Value)> = Vec::new();
            for change in changes {
                match change {
                    Change::Insert(key, value) => {
                        data.insert(&key, &value).expect("JSON");
                        match model.iter_mut().find(|(known, _)| *known == key) {
                            Some((_, old)) => *old = value,
                            None => model.push((key, value)),
                        }
                    }
                    Change::Remove(key) => {
                        let before = model.len();
                        model.retain(|(known, _)| *known != key);
                        prop_assert_eq!(data.remove(&key), model.len() < before);
                    }
                    Change::Clear => {
                        data = SessionData::default();
                        model.clear();
                    }
                }
                prop_assert!(data.keys().eq(model.iter().map(|(key, _)| key.as_str())));
                for (key, value) in &model {
                    prop_assert!(data.contains(key));
                    prop_assert_eq!(&data.get::<Value>(key).expect("JSON"), &Some(value.clone()));
                }
                prop_assert_eq!(data.is_empty(), model.is_empty());
                prop_assert_eq!(SessionData::from_json(&data.to_json()), Some(data.clone()));
            }
        }
    }
}
