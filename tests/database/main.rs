//! Sessions and users in databases: real ones, also in trouble.

#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/mod.rs"]
mod support;

mod files;
mod sessions;
mod tables;
mod trouble;
mod users;

use channels::{Database, InMemorySessionStore, InMemoryUserStore};
use databases::{Directory, MariaDb, Postgres, execute};

#[tokio::test]
async fn memory() {
    sessions::all(&InMemorySessionStore::new()).await;
    users::all(&InMemoryUserStore::default()).await;
}

#[tokio::test]
async fn sqlite() {
    let directory = Directory::new();
    let url = format!("sqlite://{}", directory.join("site.sqlite3").display());
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
