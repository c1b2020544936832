//! A new SQLite file.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use sqlx::{AnyConnection, Row as _};

/// What Django's `manage.py migrate` leaves behind in a new file.
const SCHEMA: &str = include_str!("schema.sql");

/// Makes the file where it is missing, for the eyes of its owner alone.
pub(super) fn make_file(path: &Path) -> sqlx::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let message = format!("the file {} cannot be made: {error}", path.display());
            Err(sqlx::Error::Configuration(message.into()))
        }
        _ => Ok(()),
    }
}

/// Makes the tables where there are none at all. What Django has made is left as it is.
///
/// sqlx waits five seconds for another process that writes, and checks foreign keys. With a
/// write-ahead log, those who read do not wait for those who write; but the file says for good that it
/// has one, so that is for its owner to choose.
pub(super) async fn make_tables(connection: &mut AnyConnection) -> sqlx::Result<()> {
    if is_empty(connection).await? {
        run(connection, "PRAGMA journal_mode = WAL").await?;
        run(connection, "BEGIN IMMEDIATE").await?;
        // Another process may have been faster.
        if is_empty(connection).await? {
            run(connection, SCHEMA).await?;
        }
        run(connection, "COMMIT").await?;
    }
    Ok(())
}

async fn is_empty(connection: &mut AnyConnection) -> sqlx::Result<bool> {
    let tables = sqlx::query("SELECT count(*) FROM sqlite_master")
        .fetch_one(connection)
        .await?;
    Ok(tables.try_get::<i64, _>(0)? == 0)
}

async fn run(connection: &mut AnyConnection, statements: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(statements).execute(connection).await?;
    Ok(())
}
