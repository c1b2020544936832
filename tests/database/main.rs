//! Sessions and users in real databases: SQLite, PostgreSQL and MariaDB, which the tests start.

#[path = "../support/databases.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod databases;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;

mod faults;
mod sqlite;
mod stores;
mod urls;

use std::future::Future;
use std::time::Duration;

/// The longest that anything takes, on a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Fails a test that waits for what does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}
