//! What a failure of the database means to the program.

use std::io;
use std::time::Duration;

use crate::{Error, ErrorKind};

/// The error that users see.
pub(super) fn explain(error: sqlx::Error) -> Error {
    let (kind, message) = match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            (ErrorKind::Conflict, "it is in the database already".into())
        }
        sqlx::Error::Database(database) => match settings_problem(&**database) {
            Some(message) => (ErrorKind::Config, message),
            None => (ErrorKind::Unavailable, "the database failed".into()),
        },
        sqlx::Error::Configuration(_) => (
            ErrorKind::Config,
            "the database's settings are wrong".into(),
        ),
        sqlx::Error::PoolTimedOut => (
            ErrorKind::Unavailable,
            "all connections to the database are busy".into(),
        ),
        sqlx::Error::ColumnDecode { index, .. } => (
            ErrorKind::Decode,
            format!("the column {index} of a row does not decode"),
        ),
        _ => (ErrorKind::Unavailable, "the database is down".into()),
    };
    Error::caused(kind, message, error)
}

/// Whether the same statement may succeed in a moment.
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => {
            // The classes of SQLSTATE: connections, a rollback by a deadlock, no resources (too
            // many connections), the operator (shutting down, starting up).
            let transient = ["08", "40", "53", "57"];
            !is_sqlite(&**database) && transient.contains(&class_of(&**database).as_str())
        }
        _ => false,
    }
}

/// Whether the connection is of no use any more.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => is_transient(error),
        _ => true,
    }
}

/// The error of something that took too long.
pub(super) fn timed_out(what: &str, after: Duration) -> sqlx::Error {
    let message = format!("{what} took longer than {} s", after.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, message).into()
}

/// What no waiting mends: missing tables, missing rights, an unknown database, a wrong password.
fn settings_problem(error: &dyn sqlx::error::DatabaseError) -> Option<String> {
    let missing_table = if is_sqlite(error) {
        error.message().starts_with("no such table")
    } else {
        matches!(error.code().as_deref(), Some("42P01" | "42S02"))
    };
    if missing_table {
        return Some(format!(
            "a table is missing ({}): run Django's `manage.py migrate`, or `Database::create_tables`",
            error.message()
        ));
    }
    let wrong = if is_sqlite(error) {
        let message = error.message();
        [
            "no such column",
            "has no column",
            "unable to open",
            "readonly",
            "not a database",
        ]
        .iter()
        .any(|known| message.contains(known))
    } else {
        // Syntax and rights, who it is, the database's name. Except two of MySQL's: a user who has
        // too many connections is refused with the state of a missing right.
        let class = class_of(error);
        matches!(class.as_str(), "28" | "3D" | "42") && !is_mysql_limit(error)
    };
    wrong.then(|| format!("the database refuses: {}", error.message()))
}

/// The first two characters of the SQLSTATE.
fn class_of(error: &dyn sqlx::error::DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    code.chars().take(2).collect()
}

#[cfg(feature = "sqlite")]
fn is_sqlite(error: &dyn sqlx::error::DatabaseError) -> bool {
    error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
}

#[cfg(not(feature = "sqlite"))]
fn is_sqlite(_: &dyn sqlx::error::DatabaseError) -> bool {
    false
}

/// `ER_TOO_MANY_USER_CONNECTIONS`, `ER_USER_LIMIT_REACHED`.
#[cfg(feature = "mysql")]
fn is_mysql_limit(error: &dyn sqlx::error::DatabaseError) -> bool {
    error
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .is_some_and(|error| matches!(error.number(), 1203 | 1226))
}

#[cfg(not(feature = "mysql"))]
fn is_mysql_limit(_: &dyn sqlx::error::DatabaseError) -> bool {
    false
}
