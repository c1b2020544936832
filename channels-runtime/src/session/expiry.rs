//! When a session ends: Django's rules for `_session_expiry`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use time::format_description::well_known::Iso8601;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{SessionCookie, SessionData};
use crate::{Error, ErrorKind, Result};

/// Where a session says when it ends, if the site's settings do not.
const KEY: &str = "_session_expiry";

/// When a session is to end: what Django's `set_expiry` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionExpiry {
    /// As the site's settings say; Django's `None`.
    Default,
    /// With the browser; Django's `0`.
    BrowserClose,
    /// So long after it was last saved, in whole seconds and at least one.
    After(Duration),
    /// At this moment.
    At(SystemTime),
}

impl SessionExpiry {
    /// Notes it in a session.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] for a moment that no date of Python tells.
    pub(crate) fn note(self, data: &mut SessionData) -> Result<()> {
        match self {
            Self::Default => {
                data.remove(KEY);
                Ok(())
            }
            Self::BrowserClose => data.insert(KEY, &0),
            // A zero would mean the browser's end.
            Self::After(age) => {
                let seconds = age.as_secs() + u64::from(age.subsec_nanos() > 0);
                data.insert(KEY, &seconds.max(1))
            }
            Self::At(time) => {
                let end = date_of(time)
                    .ok_or_else(|| out_of_range(ErrorKind::Encode, "the end that was set"))?;
                data.insert(KEY, &iso_8601(end))
            }
        }
    }
}

/// How long a session lives that is saved now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lifetime {
    /// When the store may forget it: Django's `expire_date`.
    pub(crate) expires: SystemTime,
    /// When the browser is to forget its cookie: in so many seconds, negative ones if that is over,
    /// and the end of them. `None` for when it is closed.
    pub(super) cookie: Option<(i64, SystemTime)>,
}

impl Lifetime {
    /// What the session says, or else the settings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the session says nothing that Django understands. Then Django fails as
    /// well.
    pub(crate) fn of(
        data: &SessionData,
        settings: &SessionCookie,
        now: SystemTime,
    ) -> Result<Self> {
        let now = date_of(now).ok_or_else(|| out_of_range(ErrorKind::Decode, "the clock"))?;
        let default = || seconds(settings.age);
        match data.get(KEY)?.unwrap_or(Value::Null) {
            Value::Null if settings.expire_at_browser_close => Self::with_browser(now, default()),
            Value::Null => Self::after(now, default()),
            Value::Number(age) if age.as_f64() == Some(0.0) => Self::with_browser(now, default()),
            Value::Number(age) => Self::after(now, number(&age)),
            Value::String(text) => Self::until(now, &text),
            other => Err(Error::new(
                ErrorKind::Decode,
                format!("the session's `{KEY}` is {other}, neither seconds nor a date"),
            )),
        }
    }

    /// The store needs an end even so.
    fn with_browser(now: OffsetDateTime, age: Option<time::Duration>) -> Result<Self> {
        Ok(Self {
            cookie: None,
            ..Self::after(now, age)?
        })
    }

    fn after(now: OffsetDateTime, age: Option<time::Duration>) -> Result<Self> {
        age.and_then(|age| {
            let expires = later(now, age)?;
            Some(Self {
                expires,
                // As Python's `int`.
                cookie: Some((age.whole_seconds(), expires)),
            })
        })
        .ok_or_else(|| out_of_range(ErrorKind::Decode, "the session's end"))
    }

    fn until(now: OffsetDateTime, text: &str) -> Result<Self> {
        let date = parsed(text).ok_or_else(|| {
            let message =
                format!("the session's `{KEY}` is {text:?}, which is no date of ISO 8601");
            Error::new(ErrorKind::Decode, message)
        })?;
        // Python's differences of dates have their seconds rounded down.
        let left = date - now;
        let age = left.whole_seconds() - i64::from(left.subsec_nanoseconds() < 0);
        let cookie_ends = later(now, time::Duration::seconds(age));
        Ok(Self {
            expires: date.into(),
            cookie: Some((age, cookie_ends.unwrap_or(UNIX_EPOCH))),
        })
    }
}

fn number(number: &serde_json::Number) -> Option<time::Duration> {
    match number.as_i64() {
        Some(whole) => Some(time::Duration::seconds(whole)),
        None => time::Duration::checked_seconds_f64(number.as_f64()?),
    }
}

fn seconds(age: Duration) -> Option<time::Duration> {
    age.try_into().ok()
}

fn later(now: OffsetDateTime, age: time::Duration) -> Option<SystemTime> {
    let date = now.checked_add(age).filter(|date| date.year() > 0)?;
    Some(date.into())
}

/// None for moments that no date of Python tells: outside of the years 1 to 9999.
fn date_of(moment: SystemTime) -> Option<OffsetDateTime> {
    let since_epoch = match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => seconds(after)?,
        Err(before) => -seconds(before.duration())?,
    };
    let date = OffsetDateTime::UNIX_EPOCH.checked_add(since_epoch)?;
    (date.year() > 0).then_some(date)
}

/// A date without a zone is taken for UTC: which zone a site without `USE_TZ` means by it, nobody can
/// know here, and a site with it cannot use such a date.
fn parsed(text: &str) -> Option<OffsetDateTime> {
    let date = OffsetDateTime::parse(text, &Iso8601::PARSING).or_else(|_| {
        PrimitiveDateTime::parse(text, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc)
    });
    date.ok().filter(|date| date.year() > 0)
}

/// Python's `isoformat`, in UTC.
fn iso_8601(date: OffsetDateTime) -> String {
    let (hour, minute, second, micros) = date.time().as_hms_micro();
    let fraction = match micros {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00",
        date.year(),
        u8::from(date.month()),
        date.day(),
    )
}

fn out_of_range(kind: ErrorKind, what: &str) -> Error {
    Error::new(kind, format!("{what} is not in the years 1 to 9999"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(name: &str) -> Vec<Value> {
        let vectors = include_str!("../../../tests/interop/session_expiry.json");
        let vectors: Value = serde_json::from_str(vectors).expect("JSON");
        vectors[name].as_array().expect("a list").clone()
    }

    fn date(text: &Value) -> SystemTime {
        parsed(text.as_str().expect("a text"))
            .expect("a date")
            .into()
    }

    /// A number, or a float by its digits.
    fn float(value: &Value) -> f64 {
        match &value["repr"] {
            Value::String(digits) => digits.parse().expect("a float"),
            _ => value.as_f64().expect("a number"),
        }
    }

    fn settings(vector: &Value) -> SessionCookie {
        let mut settings = SessionCookie::default();
        for (name, value) in vector["settings"].as_object().expect("settings") {
            match name.as_str() {
                "SESSION_COOKIE_AGE" => {
                    settings.age = Duration::from_secs(value.as_u64().expect("seconds"));
                }
                "SESSION_EXPIRE_AT_BROWSER_CLOSE" => settings.expire_at_browser_close = true,
                other => panic!("{other}"),
            }
        }
        settings
    }

    #[test]
    fn sessions_end_when_django_ends_them() {
        let vectors = vectors("vectors");
        assert_eq!(vectors.len(), 36);
        for vector in vectors {
            let mut data = SessionData::default();
            match &vector["_session_expiry"] {
                Value::String(absent) if absent == "absent" => {}
                expiry @ Value::Object(_) => data.insert(KEY, &float(expiry)).expect("a float"),
                expiry => data.insert(KEY, expiry).expect("a value"),
            }
            let now = date(&vector["now"]);
            let lifetime = Lifetime::of(&data, &settings(&vector), now);
            if vector["date"]["raises"] == "ValueError" {
                assert_eq!(lifetime.expect_err("no date").kind(), ErrorKind::Decode);
                continue;
            }
            let lifetime = lifetime.expect("a lifetime");
            assert_eq!(lifetime.expires, date(&vector["date"]), "{vector}");
            let Some((age, ends)) = lifetime.cookie else {
                assert_eq!(vector["browser_close"], true, "{vector}");
                continue;
            };
            assert_eq!(vector["browser_close"], false, "{vector}");
            if vector["age"]["raises"] == "TypeError" {
                // A date without a zone is nothing that Django could subtract from.
                assert_eq!(age, 59);
                continue;
            }
            let expected = float(&vector["age"]);
            assert_eq!(
                Some(age),
                format!("{:.0}", expected.trunc()).parse().ok(),
                "{vector}"
            );
            let expected = time::Duration::seconds_f64(expected);
            assert_eq!(
                OffsetDateTime::from(ends),
                OffsetDateTime::from(now) + expected
            );
        }
    }

    #[test]
    fn an_end_is_noted_as_django_notes_it() {
        let vectors = vectors("set_expiry");
        assert_eq!(vectors.len(), 6);
        let now = date(&Value::from("2023-11-14T22:13:20.250000+00:00"));
        let far = date(&Value::from("2030-01-02T03:04:05+00:00"));
        for vector in vectors {
            let text = vector["set_expiry"].as_str().expect("a text");
            let expiry = match text {
                "None" => SessionExpiry::Default,
                "0" => SessionExpiry::BrowserClose,
                "300" => SessionExpiry::After(Duration::from_secs(300)),
                "datetime.timedelta(seconds=3600)" => {
                    SessionExpiry::At(now + Duration::from_secs(3600))
                }
                _ => SessionExpiry::At(far),
            };
            let mut data = SessionData::default();
            data.insert(KEY, "2020-01-01T00:00:00+00:00")
                .expect("an old one");
            expiry.note(&mut data).expect("a value");
            let expected = vector["session"].to_string();
            if text == "datetime.datetime(2030, 1, 2, 3, 4, 5)" {
                // A date without a zone is never written here, but it is read.
                assert_eq!(date(&vector["session"][KEY]), far);
            } else {
                assert_eq!(data.to_json(), expected);
            }
        }
    }

    #[test]
    fn no_age_is_rounded_to_the_browsers_end() {
        for (millis, expected) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            let mut data = SessionData::default();
            let expiry = SessionExpiry::After(Duration::from_millis(millis));
            expiry.note(&mut data).expect("a value");
            assert_eq!(data.get(KEY).expect("a number"), Some(expected));
        }
    }

    #[test]
    fn what_no_date_tells_is_refused() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let of = |text: &str, settings: &SessionCookie| {
            let data = SessionData::from_json(&format!("{{\"{KEY}\":{text}}}")).expect("JSON");
            Lifetime::of(&data, settings, now).map_err(|error| error.kind())
        };
        let mut settings = SessionCookie::default();
        for text in [
            "NaN",
            "Infinity",
            "1e300",
            "-1e300",
            "9223372036854775807",
            "-9223372036854775808",
            "999999999999999999999999999999",
            "-63000000000000",
            "-63900000000",
            "[]",
            "true",
            r#""\ud800""#,
            r#""""#,
            r#""10000-01-01T00:00:00Z""#,
            r#""-000001-01-01T00:00:00Z""#,
            r#""2023-02-30T00:00:00Z""#,
        ] {
            assert_eq!(of(text, &settings), Err(ErrorKind::Decode), "{text}");
        }
        settings.age = Duration::MAX;
        assert_eq!(of("null", &settings), Err(ErrorKind::Decode));
        let mut data = SessionData::default();
        let far = SessionExpiry::At(UNIX_EPOCH + Duration::from_secs(1 << 40));
        assert_eq!(
            far.note(&mut data).expect_err("far").kind(),
            ErrorKind::Encode
        );
        assert!(data.is_empty());
    }
}
