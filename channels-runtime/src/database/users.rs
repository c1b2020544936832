//! Django's table of users, `auth_user` or a custom one of the same columns.

use std::time::SystemTime;

use super::Database;
use super::pool::Row;
use super::query::Value::{Flag, Number, Text, Time};
use super::sessions::{CHUNK, padded};
use super::sql::placeholders;
use super::timestamp::Timestamp;
use crate::auth::{UserRecord, UserStore};
use crate::session::StoreFuture;
use crate::{Error, ErrorKind, Result};

impl UserStore for Database {
    fn by_id<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        Box::pin(async move {
            let found = match number(id) {
                Some(id) => self.users("id = $1", &[Number(id)]).await?,
                None => Vec::new(),
            };
            Ok(found.into_iter().next())
        })
    }

    fn by_ids<'a>(&'a self, ids: &'a [String]) -> StoreFuture<'a, Vec<UserRecord>> {
        Box::pin(async move {
            let mut ids: Vec<i64> = ids.iter().filter_map(|id| number(id)).collect();
            ids.sort_unstable();
            ids.dedup();
            let mut found = Vec::new();
            for chunk in ids.chunks(CHUNK) {
                let values: Vec<_> = padded(chunk).map(Number).collect();
                let one_of_them = format!("id IN ({})", placeholders(values.len()));
                found.extend(self.users(&one_of_them, &values).await?);
            }
            Ok(found)
        })
    }

    fn by_username<'a>(&'a self, username: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        Box::pin(async move {
            // No text of a database holds a NUL, and PostgreSQL does not even compare with it.
            if username.contains('\0') {
                return Ok(None);
            }
            let is_it = self.dialect.exactly("username", "$1");
            let found = self.users(&is_it, &[Text(username)]).await?;
            Ok(found.into_iter().next())
        })
    }

    fn create_user<'a>(&'a self, user: &'a UserRecord) -> StoreFuture<'a, String> {
        Box::pin(async move {
            check_lengths(user)?;
            self.users_ready().await?;
            let sql = format!(
                "INSERT INTO {} (username, password, last_login, is_superuser, is_staff, \
                 is_active, first_name, last_name, email, date_joined) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                self.users_quoted()
            );
            let values = [
                Text(&user.username),
                Text(&user.password),
                Time(user.last_login.map(Timestamp::from)),
                Flag(user.is_superuser),
                Flag(user.is_staff),
                Flag(user.is_active),
                Text(&user.first_name),
                Text(&user.last_name),
                Text(&user.email),
                Time(Some(Timestamp::now())),
            ];
            let once = self.statement(&sql).once();
            self.execute_statement(&once, &values)
                .await
                .map_err(|error| name_is_taken(error, &user.username))?;
            // MySQL has no `RETURNING`.
            let made = self.by_username(&user.username).await?;
            made.map(|user| user.id)
                .ok_or_else(|| Error::new(ErrorKind::Unavailable, "the new user is gone already"))
        })
    }

    fn set_password<'a>(
        &'a self,
        id: &'a str,
        old: &'a str,
        new: &'a str,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let Some(id) = number(id) else {
                return Ok(false);
            };
            self.users_ready().await?;
            // The new one is there already where the answer to a first attempt was lost.
            let sql = format!(
                "UPDATE {} SET password = $1 WHERE id = $2 AND {}",
                self.users_quoted(),
                self.dialect.exactly("password", "$3, $1"),
            );
            let values = [Text(new), Number(id), Text(old)];
            Ok(self.execute(&sql, &values).await? > 0)
        })
    }

    fn set_last_login<'a>(&'a self, id: &'a str, when: SystemTime) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let Some(id) = number(id) else {
                return Ok(());
            };
            self.users_ready().await?;
            let users = self.users_quoted();
            let sql = format!("UPDATE {users} SET last_login = $1 WHERE id = $2");
            let values = [Time(Some(when.into())), Number(id)];
            self.execute(&sql, &values).await?;
            Ok(())
        })
    }
}

impl Database {
    /// The users for whom a condition holds.
    async fn users(
        &self,
        condition: &str,
        values: &[super::query::Value<'_>],
    ) -> Result<Vec<UserRecord>> {
        self.users_ready().await?;
        let sql = format!(
            "SELECT {}, username, password, last_login, is_superuser, is_staff, is_active, \
             first_name, last_name, email FROM {} WHERE {condition}",
            self.dialect.as_text("id"),
            self.users_quoted(),
        );
        let rows = self.fetch(&sql, values).await?;
        rows.iter().map(record).collect()
    }

    /// Before the first statement: whether the primary key is a number. MySQL would take the number
    /// 1 for the key `1b4e28ba…`.
    async fn users_ready(&self) -> Result {
        self.ready().await?;
        self.users_ready
            .get_or_try_init(async || {
                let sql = format!("SELECT id FROM {} WHERE 1 = 0", self.users_quoted());
                let column = self.type_of(&sql).await?;
                if column.contains("INT") {
                    return Ok(());
                }
                Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "the primary key of {} is no integer ({column}): \
                         the site needs a UserStore of its own",
                        self.user_table
                    ),
                ))
            })
            .await?;
        Ok(())
    }

    fn users_quoted(&self) -> String {
        self.dialect.quoted(&self.user_table)
    }
}

fn record(row: &Row) -> Result<UserRecord> {
    Ok(UserRecord {
        id: row.text(0)?,
        username: row.text(1)?,
        password: row.text(2)?,
        last_login: row.time(3)?.map(SystemTime::from),
        is_superuser: row.flag(4)?,
        is_staff: row.flag(5)?,
        is_active: row.flag(6)?,
        first_name: row.text(7)?,
        last_name: row.text(8)?,
        email: row.text(9)?,
    })
}

/// A primary key. Sessions hold it as text, and Django takes `" 1 "` for 1, too.
fn number(id: &str) -> Option<i64> {
    id.trim().parse().ok()
}

/// Refuses what the columns do not hold: SQLite would keep it, and MySQL cut it off.
fn check_lengths(user: &UserRecord) -> Result {
    let columns = [
        ("a username", &user.username, 150),
        ("an encoded password", &user.password, 128),
        ("a first name", &user.first_name, 150),
        ("a last name", &user.last_name, 150),
        ("an email address", &user.email, 254),
    ];
    for (what, text, most) in columns {
        if text.contains('\0') || text.chars().count() > most {
            return Err(Error::new(
                ErrorKind::Config,
                format!("{what} has at most {most} characters, and no NUL"),
            ));
        }
    }
    if user.username.is_empty() {
        return Err(Error::new(ErrorKind::Config, "a username cannot be empty"));
    }
    Ok(())
}

fn name_is_taken(error: Error, username: &str) -> Error {
    if error.kind() == ErrorKind::Conflict {
        let message = format!("the username {username:?} is taken");
        return Error::caused(ErrorKind::Conflict, message, error);
    }
    error
}
