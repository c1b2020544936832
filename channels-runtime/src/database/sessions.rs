//! Django's table of sessions, `django_session`.

use std::time::SystemTime;

use super::Database;
use super::statement::Value::Text;
use super::statement::{column, list};
use super::time::text_of;
use crate::session::{SessionStore, StoreFuture, new_session_key};
use crate::{Error, ErrorKind, Result};

/// At most so many rows are asked for, or deleted, with one statement.
pub(super) const BATCH: usize = 512;

/// How often another key is tried. That one of 36^32 is taken does not happen twice.
const KEYS_TRIED: usize = 3;

impl SessionStore for Database {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            let found = self.sessions(&[key], SystemTime::now()).await?;
            Ok(found.into_iter().next().map(|(_, text)| text))
        })
    }

    fn load_many<'a>(&'a self, keys: &'a [String]) -> StoreFuture<'a, Vec<(String, String)>> {
        Box::pin(async move {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut found = Vec::new();
            for batch in keys.chunks(BATCH) {
                found.extend(self.sessions(batch, SystemTime::now()).await?);
            }
            Ok(found)
        })
    }

    fn create<'a>(&'a self, text: &'a str, expires: SystemTime) -> StoreFuture<'a, String> {
        Box::pin(async move {
            for _ in 0..KEYS_TRIED {
                let key = new_session_key()?;
                match self.insert_session(&key, text, expires).await {
                    Ok(()) => return Ok(key),
                    // Taken, or ours: the answer to a first attempt was lost.
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error),
                }
            }
            let message = "no free key was found for a new session";
            Err(Error::new(ErrorKind::Conflict, message))
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
            let sql = format!(
                "UPDATE django_session SET session_data = ?, expire_date = {} \
                 WHERE session_key = ?",
                self.dialect().time()
            );
            let values = [Text(text), Text(&text_of(expires)), Text(key)];
            let found = self.execute(&sql, &values).await? > 0;
            Ok(found.then(|| key.to_owned()))
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if is_key(key) {
                let sql = "DELETE FROM django_session WHERE session_key = ?";
                self.execute(sql, &[Text(key)]).await?;
            }
            Ok(())
        })
    }

    fn clear_expired(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            // MySQL refuses a `LIMIT` directly in `IN`, and a table that is changed and read.
            let sql = format!(
                "DELETE FROM django_session WHERE session_key IN (SELECT session_key FROM \
                 (SELECT session_key FROM django_session WHERE expire_date < {} AND {} \
                 LIMIT {BATCH}) AS expired)",
                self.dialect().time(),
                self.dialect().is_time("expire_date")
            );
            let now = text_of(SystemTime::now());
            let mut cleared = 0;
            loop {
                let batch = self.execute(&sql, &[Text(&now)]).await?;
                cleared += batch;
                if batch < BATCH as u64 {
                    return Ok(cleared);
                }
            }
        })
    }
}

impl Database {
    /// Those of the sessions that have not expired, by their keys.
    pub(super) async fn sessions(
        &self,
        keys: &[&str],
        now: SystemTime,
    ) -> Result<Vec<(String, String)>> {
        let keys: Vec<&str> = keys.iter().copied().filter(|key| is_key(key)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut values: Vec<_> = keys.iter().copied().map(Text).collect();
        let is_time = self.dialect().is_time("expire_date");
        let sql = format!(
            "SELECT session_key, session_data, CASE WHEN {is_time} THEN 1 ELSE 0 END \
             FROM django_session \
             WHERE session_key IN ({}) AND (expire_date > {} OR NOT ({is_time}))",
            list(&mut values),
            self.dialect().time()
        );
        let now = text_of(now);
        values.push(Text(&now));
        let mut found = Vec::new();
        for row in self.fetch(&sql, &values).await? {
            let key: String = column(&row, 0)?;
            // MySQL's usual collations take `a` for `A`.
            if keys.contains(&key.as_str()) {
                if column::<i64>(&row, 2)? == 0 {
                    let what = "the `expire_date` of a session is not a time as Django writes it";
                    return Err(Error::new(ErrorKind::Decode, what));
                }
                found.push((key, column(&row, 1)?));
            }
        }
        Ok(found)
    }

    async fn insert_session(&self, key: &str, text: &str, expires: SystemTime) -> Result {
        let sql = format!(
            "INSERT INTO django_session (session_key, session_data, expire_date) \
             VALUES (?, ?, {})",
            self.dialect().time()
        );
        let values = [Text(key), Text(text), Text(&text_of(expires))];
        self.execute(&sql, &values).await?;
        Ok(())
    }
}

/// Whether it can be in the table: its column holds 40 characters, and Django writes letters and
/// digits. What a stranger sends as a cookie is not worth a question to the database.
fn is_key(key: &str) -> bool {
    (1..=40).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_key_is_used_once() {
        let key = new_session_key().expect("a key");
        let path = std::env::temp_dir().join(format!("keys-{key}"));
        let database = Database::open(&format!("sqlite://{}", path.display())).expect("a URL");
        let now = SystemTime::now();
        let insert = |text| database.insert_session(&key, text, now);
        let all = tokio::join!(insert("a"), insert("b"), insert("c"), insert("d"));
        let kinds = [all.0, all.1, all.2, all.3].map(|made| made.map_err(|error| error.kind()));
        let made = kinds.iter().filter(|kind| kind.is_ok()).count();
        let taken = kinds
            .iter()
            .filter(|kind| **kind == Err(ErrorKind::Conflict));
        assert_eq!((made, taken.count()), (1, 3));
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    }

    #[test]
    fn what_cannot_be_in_the_table_is_no_key() {
        assert!(is_key("valid000000000000000000000000000"));
        for key in ["", "a\0b", "a b", "schlüssel", &"a".repeat(41)] {
            assert!(!is_key(key), "{key:?}");
        }
    }
}
