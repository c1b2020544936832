//! What a failure of the database means to the program.

use std::io;
use std::time::Duration;

use sqlx::error::DatabaseError;

use super::url::Dialect;
use crate::{Error, ErrorKind};

/// The error that users see.
pub(super) fn explain(dialect: Dialect, error: sqlx::Error) -> Error {
    let unavailable = |message: &str| (ErrorKind::Unavailable, message.to_owned());
    let (kind, message) = match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            (ErrorKind::Conflict, "it is in the database already".into())
        }
        sqlx::Error::Database(database) => match settings_problem(dialect, &**database) {
            Some(message) => (ErrorKind::Config, message),
            None => unavailable("the database failed"),
        },
        sqlx::Error::Configuration(reason) => {
            (ErrorKind::Config, format!("the database: {reason}"))
        }
        sqlx::Error::PoolTimedOut => unavailable("all connections to the database are busy"),
        sqlx::Error::ColumnDecode { .. } => return undecodable(error),
        _ => unavailable("the database is down"),
    };
    Error::caused(kind, message, error)
}

/// The error for a row that is not what Django writes.
pub(super) fn undecodable(error: sqlx::Error) -> Error {
    let message = "a row of the database does not decode";
    Error::caused(ErrorKind::Decode, message, error)
}

/// Whether the same statement may succeed in a moment.
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => {
            let code = code(&**database);
            // A rollback by a deadlock, no resources (too many connections).
            has_ended(&code) || is_class(&code, &["40", "53"]) || is_sqlite_busy(&code)
        }
        _ => false,
    }
}

/// Whether the connection is of no use any more.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => has_ended(&code(&**database)),
        sqlx::Error::ColumnDecode { .. } => false,
        _ => true,
    }
}

/// The error of something that took too long.
pub(super) fn timed_out(what: &str, after: Duration) -> sqlx::Error {
    let message = format!("{what} took longer than {} s", after.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, message).into()
}

/// What no waiting mends: missing tables, missing rights, an unknown database, a wrong password.
fn settings_problem(dialect: Dialect, error: &dyn DatabaseError) -> Option<String> {
    let code = code(error);
    let message = error.message();
    let (is_table_missing, is_refused) = match dialect {
        Dialect::Sqlite => (
            message.starts_with("no such table"),
            // CANTOPEN, READONLY, NOTADB, and the general one: a column that is missing.
            matches!(primary(&code), Some(14 | 8 | 26 | 1)),
        ),
        // Syntax and rights, who it is, the database's name.
        Dialect::Postgres | Dialect::MySql => (
            matches!(&*code, "42P01" | "42S02"),
            is_class(&code, &["28", "3D", "42"]) && !is_mysql_limit(error),
        ),
    };
    if is_table_missing {
        return Some(format!(
            "a table is missing ({message}): run Django's `manage.py migrate`, or name the table of a \
             user model of your own by `Database::user_table`"
        ));
    }
    is_refused.then(|| format!("the database refuses: {message}"))
}

/// The SQLSTATE, or SQLite's number.
fn code(error: &dyn DatabaseError) -> String {
    error.code().unwrap_or_default().into_owned()
}

/// SQLite's number without the detail in its higher bits.
fn primary(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// Whether the SQLSTATE is in one of these classes.
fn is_class(code: &str, classes: &[&str]) -> bool {
    // SQLite's numbers are shorter.
    code.len() == 5 && classes.iter().any(|class| code.starts_with(class))
}

/// Whether the server has ended the connection, or never began it: it is shutting down, starting
/// up, or full.
fn has_ended(code: &str) -> bool {
    is_class(code, &["08", "57"])
}

/// BUSY, LOCKED: another connection writes.
fn is_sqlite_busy(code: &str) -> bool {
    code.len() < 5 && matches!(primary(code), Some(5 | 6))
}

/// `ER_TOO_MANY_USER_CONNECTIONS`, `ER_USER_LIMIT_REACHED`, which have the state of a missing right.
#[cfg(feature = "mysql")]
fn is_mysql_limit(error: &dyn DatabaseError) -> bool {
    error
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .is_some_and(|error| matches!(error.number(), 1203 | 1226))
}

#[cfg(not(feature = "mysql"))]
fn is_mysql_limit(_: &dyn DatabaseError) -> bool {
    false
}
