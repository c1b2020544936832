//! Django's table of sessions, `django_session`.

use std::collections::HashSet;
use std::time::SystemTime;

use super::Database;
use super::query::Value::{Text, Time};
use super::sql::placeholders;
use super::timestamp::Timestamp;
use crate::ErrorKind;
use crate::session::{SessionStore, StoreFuture, new_session_key};

/// At most so many keys are asked for with one statement.
pub(super) const CHUNK: usize = 256;

/// How often another key is tried. That one of 36^32 is taken does not happen twice.
const KEYS_TRIED: usize = 5;

impl SessionStore for Database {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            if !is_key(key) {
                return Ok(None);
            }
            self.ready().await?;
            let is_it = self.dialect.exactly("session_key", "$1");
            let sql = format!(
                "SELECT session_data FROM django_session WHERE {is_it} AND expire_date > $2"
            );
            let values = [Text(key), Time(Some(Timestamp::now()))];
            let rows = self.fetch(&sql, &values).await?;
            rows.first().map(|row| row.text(0)).transpose()
        })
    }

    fn load_many<'a>(&'a self, keys: &'a [String]) -> StoreFuture<'a, Vec<(String, String)>> {
        Box::pin(async move {
            self.ready().await?;
            let keys: HashSet<&str> = keys.iter().map(String::as_str).collect();
            let keys: Vec<&str> = keys.into_iter().filter(|key| is_key(key)).collect();
            let mut found = Vec::new();
            for chunk in keys.chunks(CHUNK) {
                let mut values: Vec<_> = padded(chunk).map(Text).collect();
                let one_of_them = self
                    .dialect
                    .exactly("session_key", &placeholders(values.len()));
                values.push(Time(Some(Timestamp::now())));
                let sql = format!(
                    "SELECT session_key, session_data FROM django_session \
                     WHERE {one_of_them} AND expire_date > ${}",
                    values.len()
                );
                for row in self.fetch(&sql, &values).await? {
                    found.push((row.text(0)?, row.text(1)?));
                }
            }
            Ok(found)
        })
    }

    fn create<'a>(&'a self, text: &'a str, expires: SystemTime) -> StoreFuture<'a, String> {
        Box::pin(async move {
            self.ready().await?;
            let sql = "INSERT INTO django_session (session_key, session_data, expire_date) \
                       VALUES ($1, $2, $3)";
            let mut tried = 1;
            loop {
                let key = new_session_key()?;
                let values = [Text(&key), Text(text), Time(Some(expires.into()))];
                match self.execute(sql, &values).await {
                    Ok(_) => return Ok(key),
                    Err(error) if error.kind() == ErrorKind::Conflict && tried < KEYS_TRIED => {
                        tried += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        })
    }

    fn save<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        expires: SystemTime,
    ) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            if !is_key(key) {
                return Ok(None);
            }
            self.ready().await?;
            let is_it = self.dialect.exactly("session_key", "$3");
            let sql = format!(
                "UPDATE django_session SET session_data = $1, expire_date = $2 WHERE {is_it}"
            );
            let values = [Text(text), Time(Some(expires.into())), Text(key)];
            let found = self.execute(&sql, &values).await? > 0;
            Ok(found.then(|| key.to_owned()))
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if !is_key(key) {
                return Ok(());
            }
            self.ready().await?;
            let is_it = self.dialect.exactly("session_key", "$1");
            let sql = format!("DELETE FROM django_session WHERE {is_it}");
            self.execute(&sql, &[Text(key)]).await?;
            Ok(())
        })
    }

    fn clear_expired(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            self.ready().await?;
            let sql = "DELETE FROM django_session WHERE expire_date < $1";
            let values = [Time(Some(Timestamp::now()))];
            self.execute_statement(&self.statement(sql).long(), &values)
                .await
        })
    }
}

/// Whether it can be in the table: its column holds 40 characters, and Django writes letters and
/// digits. What a stranger sends as a cookie is not worth a question to the database.
fn is_key(key: &str) -> bool {
    (1..=40).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The values, the last one repeated until they are a power of two: so there are few different
/// statements to prepare.
pub(super) fn padded<T: Copy>(values: &[T]) -> impl Iterator<Item = T> {
    let missing = values.len().next_power_of_two() - values.len();
    let last = values.last().into_iter().cycle().take(missing);
    values.iter().chain(last).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_in_the_table_is_no_key() {
        assert!(is_key("valid000000000000000000000000000"));
        for key in ["", "a\0b", "a b", "schlüssel", &"a".repeat(41)] {
            assert!(!is_key(key), "{key:?}");
        }
    }

    #[test]
    fn values_are_padded_to_a_power_of_two() {
        assert_eq!(padded(&[1, 2, 3]).collect::<Vec<_>>(), [1, 2, 3, 3]);
        assert_eq!(padded(&[1]).collect::<Vec<_>>(), [1]);
        assert_eq!(padded::<u8>(&[]).count(), 0);
    }
}
