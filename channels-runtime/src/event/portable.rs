//! Whether an event that stays in this process could travel between processes as well.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Event, Fields, Value};
use crate::{Error, ErrorKind, Result};

/// How deep lists and maps may be nested: the limit of the layers over Redis.
const DEPTH: usize = 128;

/// Fields that the layers over Redis add to an event.
const RESERVED: [&str; 3] = ["__asgi_channel__", "__asgi_except__", "__asgi_group__"];

impl Event {
    /// Checks that a layer over Redis could carry the event: that it encodes as a map of fields within
    /// the limits of the format, and that a typed event decodes again.
    ///
    /// The in-memory layer calls this in builds with debug assertions. There a program is developed and
    /// tested, and should fail as it would over Redis; to encode each event would cost about as much as
    /// to deliver it to ten members. What a format other than the default lacks, as JSON lacks bytes, is
    /// not checked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`], with the reason.
    pub(crate) fn check_portable(&self) -> Result {
        // To encode and to decode are the user's own code, and would run elsewhere over Redis.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let fields = self.fields()?;
            check(&fields).map_err(|reason| Error::new(ErrorKind::Encode, reason))?;
            self.0.check_decodes(&fields)
        }));
        let checked = checked
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Encode, "the event's code panicked")));
        checked.map_err(|error| {
            let (source, mut reason) = (error.source_text(), error.to_string());
            if !source.is_empty() {
                reason = format!("{reason}: {source}");
            }
            let event_type = self.event_type();
            let what = format!(
                "the event `{event_type}` works in this process alone, a layer over Redis cannot \
                 carry it: {reason}"
            );
            Error::new(ErrorKind::Encode, what)
        })
    }
}

fn check(fields: &Fields) -> Result<(), String> {
    match RESERVED.iter().find(|name| fields.contains(name)) {
        Some(name) => Err(format!("the field `{name}` is reserved")),
        None => check_members(fields, 0),
    }
}

fn check_members(fields: &Fields, depth: usize) -> Result<(), String> {
    deeper(depth)?;
    fields
        .iter()
        .try_for_each(|(_, value)| check_value(value, depth + 1))
}

fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Int(value) if i64::try_from(*value).is_err() && u64::try_from(*value).is_err() => {
            Err(format!("the integer {value} has more than 64 bits"))
        }
        Value::List(list) => {
            deeper(depth)?;
            list.iter()
                .try_for_each(|value| check_value(value, depth + 1))
        }
        Value::Map(fields) => check_members(fields, depth),
        _ => Ok(()),
    }
}

fn deeper(depth: usize) -> Result<(), String> {
    if depth >= DEPTH {
        return Err(format!(
            "more than {DEPTH} lists and maps inside of each other"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::TypedEvent;

    macro_rules! events {
        ($($event:ident),* $(,)?) => {$(
            impl TypedEvent for $event {
                const NAME: &'static str = "some.event";
                const MISMATCH: &'static str = "";

                fn duplicate(&self) -> Self {
                    unreachable!("nobody handles it")
                }
            }
        )*};
    }

    #[derive(Serialize, Deserialize)]
    struct Unit;

    #[derive(Serialize, Deserialize)]
    struct Numbers {
        number: u128,
        signed: i128,
    }

    #[derive(Serialize, Deserialize)]
    struct Text(String);

    #[derive(Serialize, Deserialize)]
    struct Pair(u8, u8);

    #[derive(Serialize, Deserialize)]
    struct Wrapped(HashMap<String, u8>);

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        One { field: u8 },
    }

    #[derive(Serialize, Deserialize)]
    struct Typed {
        r#type: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Keys {
        by_pair: HashMap<String, HashMap<(u8, u8), u8>>,
    }

    #[derive(Serialize, Deserialize)]
    struct OneWay {
        #[serde(rename(serialize = "sent"))]
        secret: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Reserved {
        __asgi_channel__: String,
    }

    #[derive(Serialize, Deserialize)]
    enum Choice {
        Unit,
        Held { field: u8 },
    }

    #[derive(Deserialize)]
    struct Panics;

    impl Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            panic!("as it must")
        }
    }

    events![
        Unit, Numbers, Text, Pair, Wrapped, Tagged, Typed, Keys, OneWay, Reserved, Choice, Panics
    ];

    fn numbers(number: u128, signed: i128) -> Event {
        Numbers { number, signed }.into()
    }

    #[test]
    fn what_redis_carries_is_portable() {
        let nested = |depth: usize| {
            let list = (1..depth).fold(json!([]), |inner, _| json!([inner]));
            Event::new("some.event", json!({ "list": list })).expect("an event")
        };
        for event in [
            Event::from(Unit),
            Wrapped(HashMap::from([("a".to_owned(), 1)])).into(),
            numbers(u64::MAX.into(), i64::MIN.into()),
            Choice::Held { field: 1 }.into(),
            Event::new("some.event", json!({ "bytes": [1], "null": null })).expect("an event"),
            nested(127),
        ] {
            event.check_portable().expect("portable");
        }
        assert!(nested(128).check_portable().is_err());
    }

    #[test]
    fn what_redis_does_not_carry_says_why() {
        let by_pair = HashMap::from([("a".to_owned(), HashMap::from([((1, 2), 3)]))]);
        for (event, reason) in [
            (numbers(u128::MAX, 0), "more than 127 bits"),
            (numbers(1 << 64, 0), "more than 64 bits"),
            (numbers(0, i128::MIN), "more than 64 bits"),
            (Text("a".to_owned()).into(), "is a map of fields"),
            (Pair(1, 2).into(), "is a map of fields"),
            (Tagged::One { field: 1 }.into(), "no field `type`"),
            (
                Typed {
                    r#type: "a".to_owned(),
                }
                .into(),
                "no field `type`",
            ),
            (Keys { by_pair }.into(), "a key is text"),
            (
                OneWay {
                    secret: "a".to_owned(),
                }
                .into(),
                "missing field `secret`",
            ),
            (
                Reserved {
                    __asgi_channel__: "a".to_owned(),
                }
                .into(),
                "`__asgi_channel__` is reserved",
            ),
            (Choice::Unit.into(), "is a map of fields"),
            (Panics.into(), "panicked"),
        ] {
            let error: Error = Event::check_portable(&event).expect_err(reason);
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert!(error.to_string().contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn a_unit_struct_is_an_event_without_fields() {
        let event = Event::from_json(json!({ "type": "some.event" })).expect("an event");
        event.get::<Unit>().expect("no field is needed");
        let event = Event::from(Unit);
        assert_eq!(
            event.to_json().expect("JSON"),
            json!({ "type": "some.event" })
        );
    }
}
