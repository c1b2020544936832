//! Sessions and users in databases: real ones, also in trouble.

#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;
#[path = "../support/mod.rs"]
mod support;

mod cleanup;
mod files;
mod keys;
mod sessions;
mod tables;
mod trouble;
mod users;

use std::future::Future;

use channels::{Database, InMemorySessionStore, InMemoryUserStore};
use databases::{MariaDb, Postgres, execute};
use process::Folder;

#[tokio::test]
async fn memory() {
    sessions::all(&InMemorySessionStore::new()).await;
    users::all(&InMemoryUserStore::default()).await;
}

#[tokio::test]
async fn sqlite() {
    let folder = Folder::new();
    let url = format!("sqlite://{}", folder.path().join("site.sqlite3").display());
    both(&url).await;
}

#[tokio::test]
async fn postgres() {
    let server = Postgres::start().await;
    execute(server.url(), &tables::postgres()).await;
    both(server.url()).await;
}

#[tokio::test]
async fn mariadb() {
    let server = MariaDb::start().await;
    execute(server.url(), tables::MARIADB).await;
    both(server.url()).await;
}

async fn both(url: &str) {
    let database = Database::open(url).expect("a URL");
    sessions::all(&database).await;
    users::all(&database).await;
}

/// What the servers' processes are waited for with.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(databases::START, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}
