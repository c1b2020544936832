//! Connections to the one database that it is, and the rows that come from it.

use std::path::Path;

use sqlx::Row as _;

use super::connections::Connections;
use super::failure;
use super::sql::Dialect;
use super::timestamp::Timestamp;
use super::url::DatabaseUrl;
use crate::Result;

/// Runs the same lines with what a pool or a row holds, whichever database it is.
macro_rules! each {
    ($type:ident($value:expr), $name:ident => $body:expr) => {
        match $value {
            #[cfg(feature = "sqlite")]
            $type::Sqlite($name) => $body,
            #[cfg(feature = "postgres")]
            $type::Postgres($name) => $body,
            #[cfg(feature = "mysql")]
            $type::MySql($name) => $body,
        }
    };
}
pub(super) use each;

#[derive(Debug)]
pub(super) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(Connections<sqlx::SqliteConnection>),
    #[cfg(feature = "postgres")]
    Postgres(Connections<sqlx::PgConnection>),
    #[cfg(feature = "mysql")]
    MySql(Connections<sqlx::MySqlConnection>),
}

impl Pool {
    /// A pool of at most so many connections, none of which is made yet.
    pub(super) fn new(url: &DatabaseUrl<'_>, most: usize) -> Result<Self> {
        match url.dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => Ok(Self::Sqlite(Connections::new(url.options()?, most))),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => Ok(Self::Postgres(Connections::new(url.options()?, most))),
            #[cfg(feature = "mysql")]
            Dialect::MySql => Ok(Self::MySql(Connections::new(url.options()?, most))),
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            other => Err(crate::Error::new(
                crate::ErrorKind::Config,
                format!(
                    "the feature `{}` of this crate is off",
                    format!("{other:?}").to_lowercase()
                ),
            )),
        }
    }
}

impl Pool {
    /// The file of a SQLite database.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connections) => Some(connections.options().get_filename()),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => None,
        }
    }
}

/// A row. Its columns are counted from 0.
pub(super) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
    #[cfg(feature = "mysql")]
    MySql(sqlx::mysql::MySqlRow),
}

impl Row {
    pub(super) fn text(&self, column: usize) -> Result<String> {
        each!(Row(self), row => row.try_get(column)).map_err(failure::explain)
    }

    pub(super) fn flag(&self, column: usize) -> Result<bool> {
        each!(Row(self), row => row.try_get(column)).map_err(failure::explain)
    }

    pub(super) fn time(&self, column: usize) -> Result<Option<Timestamp>> {
        each!(Row(self), row => row.try_get(column)).map_err(failure::explain)
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::sqlite::SqliteRow> for Row {
    fn from(row: sqlx::sqlite::SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::postgres::PgRow> for Row {
    fn from(row: sqlx::postgres::PgRow) -> Self {
        Self::Postgres(row)
    }
}

#[cfg(feature = "mysql")]
impl From<sqlx::mysql::MySqlRow> for Row {
    fn from(row: sqlx::mysql::MySqlRow) -> Self {
        Self::MySql(row)
    }
}
