//! Points in time as text: what Django writes into SQLite, and what the other databases take.

use std::time::{Duration, SystemTime};

use ::time::format_description::well_known::Iso8601;
use ::time::{OffsetDateTime, PrimitiveDateTime};

use crate::{Error, ErrorKind, Result};

/// The last second that a Python program can tell: 9999-12-31 23:59:59.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// `2023-11-14 22:13:20`, or `2023-11-14 22:13:20.250000`: UTC, whole microseconds. SQLite compares
/// it as text, so there is no other form. What is before 1970 or after 9999 becomes the nearest.
pub(super) fn text_of(time: SystemTime) -> String {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .min(LAST);
    let time = OffsetDateTime::UNIX_EPOCH + since;
    let seconds = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    match time.microsecond() {
        0 => seconds,
        microseconds => format!("{seconds}.{microseconds:06}"),
    }
}

/// The point in time that a text of this form tells.
pub(super) fn time_of(text: &str) -> Result<SystemTime> {
    PrimitiveDateTime::parse(&text.replacen(' ', "T", 1), &Iso8601::DEFAULT)
        .map(|time| time.assume_utc().into())
        .map_err(|error| {
            let message = format!("the database has a time that is none: {text:?}");
            Error::caused(ErrorKind::Decode, message, error)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(microseconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(microseconds)
    }

    #[test]
    fn times_are_written_as_django_does() {
        let cases = [
            (at(1_700_000_000_000_000), "2023-11-14 22:13:20"),
            (at(1_700_000_000_000_001), "2023-11-14 22:13:20.000001"),
            (at(1_700_000_000_250_000), "2023-11-14 22:13:20.250000"),
            (at(0), "1970-01-01 00:00:00"),
            (at(0) + Duration::from_nanos(999), "1970-01-01 00:00:00"),
            (at(0) - Duration::from_secs(5), "1970-01-01 00:00:00"),
            (at(0) + LAST * 2, "9999-12-31 23:59:59"),
        ];
        for (time, text) in cases {
            assert_eq!(text_of(time), text);
        }
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in ["", "now", "2023-11-14", "2023-13-14 00:00:00", "infinity"] {
            let error = time_of(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Decode);
        }
        assert_eq!(
            time_of("1969-12-31 23:59:59.5").expect("a time"),
            at(0) - Duration::from_millis(500)
        );
    }

    proptest! {
        #[test]
        fn times_come_back(microseconds in 0..253_402_300_799_000_000_u64) {
            let time = at(microseconds);
            prop_assert_eq!(time_of(&text_of(time)).expect("a time"), time);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = time_of(&text);
        }
    }
}
