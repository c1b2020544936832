//! Connections that are used by turns.
//!
//! Not sqlx's own pool: that one asks the database once more after each statement whether it is
//! still there, waits without end for one that does not say so, and cannot tell why it did not
//! connect.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::failure::{is_broken, timed_out};
use super::sqlite;
use super::url::DatabaseUrl;

/// How long a caller waits for a connection that others hold.
const BUSY: Duration = Duration::from_secs(5);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// After this time without use a connection is replaced: firewalls forget it silently.
const IDLE: Duration = Duration::from_secs(300);

/// At most so many connections, made when they are needed.
pub(super) struct Connections {
    pub(super) url: DatabaseUrl,
    permits: Semaphore,
    /// Those that nobody uses, the last one used at the end.
    idle: Mutex<Vec<(AnyConnection, Instant)>>,
}

/// A connection in use. Dropped in the middle of a statement, it is closed.
pub(super) struct Lease<'a> {
    pub(super) connection: AnyConnection,
    connections: &'a Connections,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    pub(super) fn new(url: DatabaseUrl, most: usize) -> Self {
        install_default_drivers();
        Self {
            url,
            permits: Semaphore::new(most),
            idle: Mutex::default(),
        }
    }

    /// A connection for one statement. One that is to be sure has answered just now.
    pub(super) async fn lease(&self, sure: bool) -> sqlx::Result<Lease<'_>> {
        let permit = timeout(BUSY, self.permits.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = timeout(CONNECT, async {
            if let Some(mut connection) = self.take_idle() {
                if !sure || connection.ping().await.is_ok() {
                    return Ok(connection);
                }
                let broken = mem::take(&mut *self.idle());
                drop(broken);
            }
            self.connect().await
        });
        Ok(Lease {
            connection: connection
                .await
                .map_err(|_| timed_out("connecting", CONNECT))??,
            connections: self,
            _permit: permit,
        })
    }

    async fn connect(&self) -> sqlx::Result<AnyConnection> {
        let Some(file) = &self.url.file else {
            return self.url.options.connect().await;
        };
        sqlite::make_file(file)?;
        let mut connection = self.url.options.connect().await?;
        sqlite::make_tables(&mut connection).await?;
        Ok(connection)
    }

    /// The connection that was used last. If that one is too old, all are.
    fn take_idle(&self) -> Option<AnyConnection> {
        // Closed without the lock: the driver may log.
        let _old;
        let mut idle = self.idle();
        if idle.last().is_some_and(|(_, since)| since.elapsed() > IDLE) {
            _old = mem::take(&mut *idle);
        }
        idle.pop().map(|(connection, _)| connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(AnyConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Gives the connection back, if the answer shows that it still works.
    pub(super) fn settle<T>(self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        let _broken;
        let mut idle = self.connections.idle();
        match &answer {
            // Where one is broken, the others are as well: the server has gone.
            Err(error) if is_broken(error) => _broken = mem::take(&mut *idle),
            _ => idle.push((self.connection, Instant::now())),
        }
        drop(idle);
        answer
    }
}
