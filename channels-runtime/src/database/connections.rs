//! Connections that are used by turns.
//!
//! Not sqlx's own pool, which asks the database once more after each statement whether it is still
//! there, does not say why it could not connect, and must be made inside of a runtime.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::failure::{self, timed_out};

/// How long a caller waits for a connection that others hold.
const BUSY: Duration = Duration::from_secs(5);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// After this time without use a connection is replaced: firewalls forget it silently.
const IDLE: Duration = Duration::from_secs(300);

/// At most so many connections, made when they are needed.
pub(super) struct Connections<C: Connection> {
    options: C::Options,
    permits: Semaphore,
    /// Those that nobody uses, the last one used at the end.
    idle: Mutex<Vec<(C, Instant)>>,
}

/// A connection in use. Dropped in the middle of a statement, it is closed.
pub(super) struct Lease<'a, C: Connection> {
    connections: &'a Connections<C>,
    connection: C,
    _permit: SemaphorePermit<'a>,
}

impl<C: Connection> Connections<C> {
    pub(super) fn new(options: C::Options, most: usize) -> Self {
        Self {
            options,
            permits: Semaphore::new(most),
            idle: Mutex::default(),
        }
    }

    pub(super) fn options(&self) -> &C::Options {
        &self.options
    }

    /// A connection for one statement.
    pub(super) async fn lease(&self) -> sqlx::Result<Lease<'_, C>> {
        let permit = timeout(BUSY, self.permits.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => timeout(CONNECT, self.options.connect())
                .await
                .map_err(|_| timed_out("connecting", CONNECT))??,
        };
        Ok(Lease {
            connections: self,
            connection,
            _permit: permit,
        })
    }

    /// The connection that was used last. If that one is too old, all are.
    fn take_idle(&self) -> Option<C> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.last().is_some_and(|(_, since)| since.elapsed() > IDLE) {
            idle.clear();
        }
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: C) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
    }

    /// Where one connection is broken, the others are as well: the server has gone.
    fn forget_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }
}

impl<C: Connection> Lease<'_, C> {
    pub(super) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }

    /// Gives the connection back, if the answer shows that it still works.
    pub(super) fn settle<T>(self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        match &answer {
            Err(error) if failure::is_broken(error) => self.connections.forget_idle(),
            _ => self.connections.keep(self.connection),
        }
        answer
    }
}

impl<C: Connection> fmt::Debug for Connections<C> {
    /// Shows nothing of the options: the password is among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("free", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}
