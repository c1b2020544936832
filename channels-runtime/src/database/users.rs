//! Django's table of users, `auth_user` or another one of the same columns.

use std::time::SystemTime;

use sqlx::any::AnyRow;

use super::Database;
use super::sessions::BATCH;
use super::statement::Value::{self, Flag, MaybeText, Number, Text};
use super::statement::{column, list};
use super::time::{text_of, time_of};
use super::url::Dialect;
use crate::auth::{UserRecord, UserStore};
use crate::session::StoreFuture;
use crate::{Error, ErrorKind, Result};

impl UserStore for Database {
    fn by_id<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRecord>> {
        Box::pin(async move {
            let Some(id) = number(id) else {
                self.check_user_table().await?;
                return Ok(None);
            };
            let found = self.users("id = ?", &[Number(id)]).await?;
            Ok(found.into_iter().next())
        })
    }

    fn by_ids<'a>(&'a self, ids: &'a [String]) -> StoreFuture<'a, Vec<UserRecord>> {
        Box::pin(async move {
            let numbers: Vec<_> = ids.iter().filter_map(|id| number(id)).map(Number).collect();
            if numbers.len() < ids.len() {
                self.check_user_table().await?;
            }
            let ids = numbers;
            let mut found = Vec::new();
            for batch in ids.chunks(BATCH) {
                let mut values = batch.to_vec();
                let condition = format!("id IN ({})", list(&mut values));
                found.extend(self.users(&condition, &values).await?);
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
            let found = self.users("username = ?", &[Text(username)]).await?;
            // MySQL's usual collations take `a` for `A`.
            Ok(found.into_iter().find(|user| user.username == username))
        })
    }

    fn create_user<'a>(&'a self, user: &'a UserRecord) -> StoreFuture<'a, String> {
        Box::pin(async move {
            check_lengths(user)?;
            let time = self.dialect().time();
            let sql = format!(
                "INSERT INTO {} (username, password, last_login, is_superuser, is_staff, \
                 is_active, first_name, last_name, email, date_joined) \
                 VALUES (?, ?, {time}, ?, ?, ?, ?, ?, ?, {time})",
                self.users
            );
            let last_login = user.last_login.map(text_of);
            let values = [
                Text(&user.username),
                Text(&user.password),
                MaybeText(last_login.as_deref()),
                Flag(user.is_superuser),
                Flag(user.is_staff),
                Flag(user.is_active),
                Text(&user.first_name),
                Text(&user.last_name),
                Text(&user.email),
                Text(&text_of(SystemTime::now())),
            ];
            self.execute_once(&sql, &values)
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
                self.check_user_table().await?;
                return Ok(false);
            };
            // The new one is there already where the answer to a first attempt was lost.
            let users = &self.users;
            let sql =
                format!("UPDATE {users} SET password = ? WHERE id = ? AND password IN (?, ?)");
            let values = [Text(new), Number(id), Text(old), Text(new)];
            Ok(self.execute(&sql, &values).await? > 0)
        })
    }

    fn set_last_login<'a>(&'a self, id: &'a str, when: SystemTime) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let Some(id) = number(id) else {
                return self.check_user_table().await;
            };
            let time = self.dialect().time();
            let users = &self.users;
            let sql = format!("UPDATE {users} SET last_login = {time} WHERE id = ?");
            let values = [Text(&text_of(when)), Number(id)];
            self.execute(&sql, &values).await.map(|_| ())
        })
    }

    fn check(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.check_user_table().await?;
            // Names a missing table, or a column that the user model lacks.
            self.users("1 = 0", &[]).await.map(|_| ())
        })
    }
}

impl Database {
    /// Refuses a table whose primary key is not an integer. Its users would not be found, and so be
    /// anonymous without an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`].
    async fn check_user_table(&self) -> Result {
        let sql = self.dialect().type_of_id();
        let rows = self.fetch(sql, &[Text(&self.user_table)]).await?;
        let Some(row) = rows.first() else {
            // Without the table, or the column, the query for users has the better error.
            return Ok(());
        };
        let key: String = column(row, 0)?;
        if is_integer(&key) {
            return Ok(());
        }
        let what = format!(
            "the primary key of the user table `{}` has the type `{key}`: only integer primary keys are \
             supported",
            self.user_table
        );
        Err(Error::new(ErrorKind::Config, what))
    }

    /// The users for whom a condition holds.
    async fn users(&self, condition: &str, values: &[Value<'_>]) -> Result<Vec<UserRecord>> {
        // One way to make a number of a flag that all databases know.
        let flag = |column| format!("CASE WHEN {column} THEN 1 ELSE 0 END");
        let sql = format!(
            "SELECT id, username, password, {}, {}, {}, {}, first_name, last_name, email \
             FROM {} WHERE {condition}",
            self.dialect().time_as_text("last_login"),
            flag("is_superuser"),
            flag("is_staff"),
            flag("is_active"),
            self.users,
        );
        let rows = self.fetch(&sql, values).await?;
        rows.iter().map(record).collect()
    }
}

impl Dialect {
    /// The statement for the type of a table's column `id`.
    fn type_of_id(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT type FROM pragma_table_info(?) WHERE name = 'id'",
            // By the search path, as the queries for users.
            Self::Postgres => {
                "SELECT format_type(atttypid, NULL) FROM pg_attribute \
                 WHERE attrelid = to_regclass(quote_ident(CAST(? AS text))) AND attname = 'id' \
                 AND NOT attisdropped"
            }
            Self::MySql => {
                "SELECT CAST(data_type AS char) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = ? AND column_name = 'id'"
            }
        }
    }
}

/// Whether a column's type is an integer, by the names that the databases have for them.
fn is_integer(column_type: &str) -> bool {
    let name = column_type.split([' ', '(']).next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let sizes = ["", "tiny", "small", "medium", "big"];
    let mut integers = sizes.iter().map(|size| format!("{size}int"));
    name == "integer" || integers.any(|integer| integer == name)
}

fn record(row: &AnyRow) -> Result<UserRecord> {
    let flag = |at| Ok::<_, Error>(column::<i64>(row, at)? != 0);
    let last_login: Option<String> = column(row, 3)?;
    Ok(UserRecord {
        id: column::<i64>(row, 0)?.to_string(),
        username: column(row, 1)?,
        password: column(row, 2)?,
        last_login: last_login.as_deref().map(time_of).transpose()?,
        is_superuser: flag(4)?,
        is_staff: flag(5)?,
        is_active: flag(6)?,
        first_name: column(row, 7)?,
        last_name: column(row, 8)?,
        email: column(row, 9)?,
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

#[cfg(test)]
mod tests {
    use super::is_integer;

    #[test]
    fn integers_are_told_from_other_types() {
        for integer in [
            "integer",
            "INTEGER",
            "bigint",
            "int(11)",
            "bigint unsigned",
            "smallint",
        ] {
            assert!(is_integer(integer), "{integer}");
        }
        for other in [
            "uuid",
            "char(32)",
            "varchar(40)",
            "character varying",
            "point",
            "text",
            "",
        ] {
            assert!(!is_integer(other), "{other}");
        }
    }
}
