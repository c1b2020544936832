//! Points in time as the columns hold them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

/// A point in time: UTC, in microseconds, between 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp(OffsetDateTime);

/// The last one that a Python program can hold: 9999-12-31 23:59:59.
const LAST: u64 = 253_402_300_799;

impl Timestamp {
    pub(super) fn now() -> Self {
        SystemTime::now().into()
    }
}

impl From<SystemTime> for Timestamp {
    /// What the columns cannot hold becomes the first or the last that they can.
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .min(Duration::from_secs(LAST));
        let micros = since.subsec_micros() * 1000;
        Self(OffsetDateTime::UNIX_EPOCH + Duration::new(since.as_secs(), micros))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

/// Text, as Django writes it: `2023-11-14 22:13:20`, or `2023-11-14 22:13:20.250000`.
#[cfg(feature = "sqlite")]
mod sqlite {
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
    use sqlx::{Decode, Encode, Sqlite, Type};
    use time::PrimitiveDateTime;
    use time::format_description::BorrowedFormatItem;
    use time::macros::format_description;

    use super::Timestamp;

    const SECONDS: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    const MICROSECONDS: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    const EITHER: &[BorrowedFormatItem<'_>] = format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]]"
    );

    impl Type<Sqlite> for Timestamp {
        fn type_info() -> SqliteTypeInfo {
            <str as Type<Sqlite>>::type_info()
        }

        /// The column says `datetime`, the value is text.
        fn compatible(_: &SqliteTypeInfo) -> bool {
            true
        }
    }

    impl Encode<'_, Sqlite> for Timestamp {
        fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
            let format = if self.0.microsecond() == 0 {
                SECONDS
            } else {
                MICROSECONDS
            };
            Encode::<Sqlite>::encode(self.0.format(format)?, buffer)
        }
    }

    impl Decode<'_, Sqlite> for Timestamp {
        fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
            let text = <String as Decode<'_, Sqlite>>::decode(value)?;
            Ok(Self(PrimitiveDateTime::parse(&text, EITHER)?.assume_utc()))
        }
    }
}

/// `timestamp with time zone`.
#[cfg(feature = "postgres")]
mod postgres {
    use std::time::{Duration, SystemTime};

    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
    use sqlx::{Decode, Encode, Postgres, Type};
    use time::OffsetDateTime;

    use super::Timestamp;

    /// 2000-01-01, from which PostgreSQL counts.
    const EPOCH: Duration = Duration::from_secs(946_684_800);

    impl Type<Postgres> for Timestamp {
        fn type_info() -> PgTypeInfo {
            <OffsetDateTime as Type<Postgres>>::type_info()
        }
    }

    impl Encode<'_, Postgres> for Timestamp {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            Encode::<Postgres>::encode(self.0, buffer)
        }
    }

    impl Decode<'_, Postgres> for Timestamp {
        /// By hand, since `infinity` is more than an [`OffsetDateTime`] holds, and panics there.
        fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
            let since = <i64 as Decode<'_, Postgres>>::decode(value)?;
            let epoch = SystemTime::UNIX_EPOCH + EPOCH;
            let distance = Duration::from_micros(since.unsigned_abs());
            let time = if since < 0 {
                epoch.checked_sub(distance)
            } else {
                epoch.checked_add(distance)
            };
            Ok(time.ok_or("a time out of range")?.into())
        }
    }
}

/// `datetime(6)`.
#[cfg(feature = "mysql")]
mod mysql {
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::mysql::{MySqlTypeInfo, MySqlValueRef};
    use sqlx::{Decode, Encode, MySql, Type};
    use time::PrimitiveDateTime;

    use super::Timestamp;

    impl Type<MySql> for Timestamp {
        fn type_info() -> MySqlTypeInfo {
            <PrimitiveDateTime as Type<MySql>>::type_info()
        }

        fn compatible(column: &MySqlTypeInfo) -> bool {
            <PrimitiveDateTime as Type<MySql>>::compatible(column)
        }
    }

    impl Encode<'_, MySql> for Timestamp {
        fn encode_by_ref(&self, buffer: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
            let time = PrimitiveDateTime::new(self.0.date(), self.0.time());
            Encode::<MySql>::encode(time, buffer)
        }
    }

    impl Decode<'_, MySql> for Timestamp {
        fn decode(value: MySqlValueRef<'_>) -> Result<Self, BoxDynError> {
            let time = <PrimitiveDateTime as Decode<'_, MySql>>::decode(value)?;
            Ok(Self(time.assume_utc()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_column_holds_becomes_the_nearest_that_it_does() {
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(
            SystemTime::from(Timestamp::from(early)),
            SystemTime::UNIX_EPOCH
        );

        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST);
        let late = last + Duration::from_secs(1 << 40);
        assert_eq!(SystemTime::from(Timestamp::from(late)), last);

        let fine = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_999_999_999);
        let whole = SystemTime::UNIX_EPOCH + Duration::from_micros(1_999_999);
        assert_eq!(SystemTime::from(Timestamp::from(fine)), whole);
    }
}
