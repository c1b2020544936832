//! Sending statements: with their values, bounded in time, repeated while the database is away.

use std::time::{Duration, Instant};

use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, Executor as _, Statement as _, TypeInfo as _,
};
use tokio::time::timeout;

use super::Database;
use super::failure::{self, timed_out};
use super::pool::{Pool, Row, each};
use super::sql::Statement;
use super::timestamp::Timestamp;
use crate::Result;

/// How long a database that is away is asked again.
const AWAY: Duration = Duration::from_secs(2);

/// The pause before it is asked for the second time. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A value of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Flag(bool),
    Number(i64),
    Text(&'a str),
    Time(Option<Timestamp>),
}

/// Why an attempt failed, and whether another one may follow.
struct Failed {
    error: sqlx::Error,
    again: bool,
}

/// A query with its values, in the order of the placeholders.
macro_rules! query {
    ($statement:expr, $values:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($statement.text.clone()));
        for value in $statement
            .order
            .iter()
            .filter_map(|&place| $values.get(place))
        {
            query = match *value {
                Value::Flag(flag) => query.bind(flag),
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Time(time) => query.bind(time),
            };
        }
        query
    }};
}

/// Attempts until the database answers, or has been away for too long.
macro_rules! repeated {
    ($attempt:block) => {{
        let mut attempts = Attempts::new();
        loop {
            match async { $attempt }.await {
                Ok(answer) => break Ok(answer),
                Err(failed) => attempts.after(failed).await?,
            }
        }
    }};
}

/// One attempt: has a connection do something, and tells what came of it.
macro_rules! attempt {
    ($database:expr, $statement:expr, $connection:ident => $work:expr) => {
        each!(Pool(&*$database.pool), pool => {
            let mut lease = pool.lease().await.map_err(Failed::before)?;
            let $connection = lease.connection();
            // What is not repeated is not risked on a connection that broke while nobody used it.
            if !$statement.repeatable && let Err(error) = $connection.ping().await {
                return lease.settle(Err(error)).map_err(Failed::before);
            }
            let answer = timeout($statement.patience, $work)
                .await
                .unwrap_or_else(|_| Err(timed_out("the statement", $statement.patience)));
            let answer = lease.settle(answer);
            answer.map_err(|error| Failed::after($statement, error))
        })
    };
}

impl Database {
    /// The rows that a statement gives.
    pub(super) async fn fetch(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let statement = &self.statement(sql);
        repeated!({
            attempt!(self, statement, connection => async {
                let rows = query!(statement, values).fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::from).collect())
            })
        })
    }

    /// How many rows a statement has found and changed.
    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        self.execute_statement(&self.statement(sql), values).await
    }

    pub(super) async fn execute_statement(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64> {
        repeated!({
            attempt!(self, statement, connection => async {
                let done = query!(statement, values).execute(connection).await?;
                Ok(done.rows_affected())
            })
        })
    }

    /// The type of a query's first column, by its name in the database.
    pub(super) async fn type_of(&self, sql: &str) -> Result<String> {
        let statement = &self.statement(sql);
        repeated!({
            attempt!(self, statement, connection => async {
                let text = AssertSqlSafe(statement.text.clone());
                let prepared = connection.prepare(sqlx::SqlSafeStr::into_sql_str(text)).await?;
                let column = prepared.columns().first();
                Ok(column.map_or_else(String::new, |column| column.type_info().name().to_owned()))
            })
        })
    }

    pub(super) fn statement(&self, sql: &str) -> Statement {
        Statement::new(self.dialect, sql)
    }
}

impl Failed {
    /// Nothing has been sent.
    fn before(error: sqlx::Error) -> Self {
        let again = failure::is_transient(&error);
        Self { error, again }
    }

    /// It is not known what the database has done.
    fn after(statement: &Statement, error: sqlx::Error) -> Self {
        let again = statement.repeatable && failure::is_transient(&error);
        Self { error, again }
    }
}

/// The pauses between attempts.
struct Attempts {
    begun: Instant,
    pause: Duration,
}

impl Attempts {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            pause: FIRST_PAUSE,
        }
    }

    /// Waits for the next attempt, or gives up.
    async fn after(&mut self, failed: Failed) -> Result {
        if !failed.again || self.begun.elapsed() + self.pause > AWAY {
            return Err(failure::explain(failed.error));
        }
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        Ok(())
    }
}
