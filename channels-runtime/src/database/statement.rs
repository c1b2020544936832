//! Sending statements: with their values, bounded in time, repeated while the database is away.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Decode, Either, Executor as _, Row as _, Type};
use tokio::time::timeout;

use super::Database;
use super::failure::{self, is_transient, timed_out};
use super::url::Dialect;
use crate::Result;

/// How long a statement may take: a little longer than SQLite waits for another process.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long a database that is away is asked again.
const AWAY: Duration = Duration::from_secs(2);

/// The pause before it is asked for the third time. Each further one is twice as long. The second
/// attempt follows at once: often only the connection was lost.
const PAUSE: Duration = Duration::from_millis(50);

/// A value of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Flag(bool),
    Number(i64),
    Text(&'a str),
    MaybeText(Option<&'a str>),
}

/// Whether a statement is sent again where it is not known whether it was run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Yes,
    No,
}

#[derive(Default)]
struct Answer {
    rows: Vec<AnyRow>,
    affected: u64,
}

/// Why an attempt failed, and whether another one may follow.
struct Failed {
    error: sqlx::Error,
    again: bool,
}

impl Database {
    /// The rows that a statement gives. `?` stands for a value.
    pub(super) async fn fetch(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<AnyRow>> {
        Ok(self.run(sql, values, Repeat::Yes).await?.rows)
    }

    /// How many rows a statement has found and changed.
    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        Ok(self.run(sql, values, Repeat::Yes).await?.affected)
    }

    /// The same, for what must not happen twice.
    pub(super) async fn execute_once(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        Ok(self.run(sql, values, Repeat::No).await?.affected)
    }

    /// Attempts until the database answers, or has been away for too long.
    async fn run(&self, sql: &str, values: &[Value<'_>], repeat: Repeat) -> Result<Answer> {
        let sql = self.dialect().spell(sql);
        let begun = Instant::now();
        let mut pause = Duration::ZERO;
        loop {
            let failed = match self.attempt(&sql, values, repeat).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !failed.again || begun.elapsed() + pause > AWAY {
                return Err(failure::explain(self.dialect(), failed.error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).max(PAUSE);
        }
    }

    async fn attempt(
        &self,
        sql: &str,
        values: &[Value<'_>],
        repeat: Repeat,
    ) -> Result<Answer, Failed> {
        let lease = self.connections().lease(repeat == Repeat::No).await;
        let mut lease = lease.map_err(|error| Failed {
            again: is_transient(&error),
            error,
        })?;
        let answer = timeout(PATIENCE, answer(&mut lease.connection, sql, values))
            .await
            .unwrap_or_else(|_| Err(timed_out("the statement", PATIENCE)));
        lease.settle(answer).map_err(|error| Failed {
            again: repeat == Repeat::Yes && is_transient(&error),
            error,
        })
    }
}

async fn answer(
    connection: &mut AnyConnection,
    sql: &str,
    values: &[Value<'_>],
) -> sqlx::Result<Answer> {
    // Values are never part of the text.
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for value in values {
        query = match *value {
            Value::Flag(flag) => query.bind(flag),
            Value::Number(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::MaybeText(text) => query.bind(text),
        };
    }
    let mut answer = Answer::default();
    let mut parts = connection.fetch_many(query);
    while let Some(part) = parts.try_next().await? {
        match part {
            Either::Left(done) => answer.affected += done.rows_affected(),
            Either::Right(row) => answer.rows.push(row),
        }
    }
    Ok(answer)
}

impl Dialect {
    /// A statement with this database's placeholders: PostgreSQL's are numbered.
    fn spell(self, sql: &str) -> String {
        if self != Self::Postgres {
            return sql.to_owned();
        }
        let mut parts = sql.split('?');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.zip(1..).fold(first, |text, (part, number)| {
            format!("{text}${number}{part}")
        })
    }

    /// A name in quotes. It is known to hold none itself.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{name}\""),
            Self::MySql => format!("`{name}`"),
        }
    }

    /// The placeholder of a time, whose value is text.
    pub(super) fn time(self) -> &'static str {
        match self {
            Self::Sqlite => "?",
            Self::Postgres => "(CAST(? AS timestamp) AT TIME ZONE 'UTC')",
            Self::MySql => "CAST(? AS datetime(6))",
        }
    }

    /// The condition that a column holds a time. SQLite stores any value in it and compares values as
    /// text: a value of another form must not count as past.
    pub(super) fn is_time(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "{column} GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] \
                 [0-2][0-9]:[0-5][0-9]:[0-5][0-9]*'"
            ),
            Self::Postgres | Self::MySql => "1 = 1".to_owned(),
        }
    }

    /// A column of times as text.
    pub(super) fn time_as_text(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({column} AS text)"),
            Self::Postgres => {
                format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
            }
            Self::MySql => format!("CAST({column} AS char)"),
        }
    }
}

/// The placeholders for a list, whose last value is repeated up to a power of two: each connection
/// prepares few different statements.
pub(super) fn list(values: &mut Vec<Value<'_>>) -> String {
    if let Some(&last) = values.last() {
        values.resize(values.len().next_power_of_two(), last);
    }
    vec!["?"; values.len()].join(", ")
}

/// A row's column, counted from 0.
pub(super) fn column<'r, T>(row: &'r AnyRow, column: usize) -> Result<T>
where
    T: Decode<'r, Any> + Type<Any>,
{
    row.try_get(column).map_err(failure::undecodable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_spelled_as_the_database_has_them() {
        let sql = "UPDATE t SET a = ? WHERE b IN (?, ?)";
        assert_eq!(Dialect::MySql.spell(sql), sql);
        assert_eq!(Dialect::Sqlite.spell(sql), sql);
        assert_eq!(
            Dialect::Postgres.spell(sql),
            "UPDATE t SET a = $1 WHERE b IN ($2, $3)"
        );
        assert_eq!(Dialect::Postgres.spell("SELECT 1"), "SELECT 1");
        let mut values = vec![Value::Number(1), Value::Number(2), Value::Number(3)];
        assert_eq!(list(&mut values), "?, ?, ?, ?");
        assert!(matches!(values[..], [_, _, _, Value::Number(3)]));
    }
}
