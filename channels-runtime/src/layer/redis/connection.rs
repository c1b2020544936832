//! Connections to one host of Redis: made when they are needed, and made again when they are lost.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, PushInfo, PushKind};
use redis::{RedisError, RedisResult, ServerErrorKind};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::hosts::Host;
use crate::{Error, ErrorKind, Result};

/// How long an attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Commands to one host, over one connection that all callers share.
///
/// Nothing runs in the background: whoever finds the connection lost makes the next one, and the
/// others wait for it; nobody longer than `patience`. A command that may have reached Redis is never
/// sent again.
pub(crate) struct Connection {
    host: Host,
    patience: Duration,
    /// Who is told what becomes of the keys that were read.
    changed: Option<Changed>,
    live: Mutex<Option<Live>>,
    /// Held while a connection is made.
    attempts: tokio::sync::Mutex<Backoff>,
    closed: AtomicBool,
}

/// Is called with a key that may have changed since it was read; with none if any may have. It must
/// not block.
pub(crate) type Changed = Arc<dyn Fn(Option<&[u8]>) + Send + Sync>;

#[derive(Clone, Debug)]
struct Live {
    redis: MultiplexedConnection,
    /// Set when the connection has ended.
    lost: Arc<AtomicBool>,
}

/// The task that drives a connection. It ends without a word if its runtime does.
struct Task(Arc<AtomicBool>);

impl Task {
    fn ended(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.ended();
    }
}

impl Connection {
    /// `patience` is how long a caller waits for a connection, and then for an answer.
    pub(crate) fn new(host: Host, patience: Duration) -> Self {
        Self {
            host,
            patience,
            changed: None,
            live: Mutex::default(),
            attempts: tokio::sync::Mutex::new(Backoff::new(patience)),
            closed: AtomicBool::new(false),
        }
    }

    /// The same, and Redis tells what becomes of the keys that were read behind `CLIENT CACHING YES`:
    /// before it answers a command that comes later.
    pub(crate) fn tracking(host: Host, patience: Duration, changed: Changed) -> Self {
        Self {
            changed: Some(changed),
            ..Self::new(host, patience)
        }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Sends a command, and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if Redis cannot be reached, or does not answer in time: then the
    /// command may have been executed. [`ErrorKind::Config`] if Redis refuses the program: password,
    /// rights, version. [`ErrorKind::Layer`] if it refuses the command for another reason, and after
    /// [`close`](Self::close).
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, the command may or may not be executed.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let mut live = self.live().await?;
        let answer = command.query_async(&mut live.redis).await;
        answer.map_err(|error| self.failed(&live, error))
    }

    /// Sends several commands with one write, and waits for all answers.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), for the first one that fails.
    pub(crate) async fn run_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T> {
        let mut live = self.live().await?;
        let answer = commands.query_async(&mut live.redis).await;
        answer.map_err(|error| self.failed(&live, error))
    }

    /// Waits until there is a connection. Cancel safe: nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(crate) async fn ready(&self) -> Result {
        self.live().await.map(drop)
    }

    /// Ends the connection; nothing is sent any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        *lock(&self.live) = None;
    }

    /// The connection that there is, or the next one.
    async fn live(&self) -> Result<Live> {
        if let Some(live) = self.current()? {
            return Ok(live);
        }
        let deadline = Instant::now() + self.patience;
        let mut last = unreachable(&self.host, None);
        let Ok(mut attempts) = tokio::time::timeout_at(deadline, self.attempts.lock()).await else {
            return Err(last);
        };
        loop {
            // Somebody else may have been quicker.
            if let Some(live) = self.current()? {
                return Ok(live);
            }
            match tokio::time::timeout_at(deadline, self.attempt(&mut attempts)).await {
                Ok(Ok(live)) => return Ok(live),
                Ok(Err(error)) => last = error,
                Err(_) => return Err(last),
            }
            // A refusal does not end by itself.
            if last.kind() != ErrorKind::Unavailable || attempts.until() >= deadline {
                return Err(last);
            }
        }
    }

    async fn attempt(&self, attempts: &mut Backoff) -> Result<Live> {
        tokio::time::sleep_until(attempts.until()).await;
        let lost = Arc::new(AtomicBool::new(false));
        let task = Task(Arc::clone(&lost));
        let changed = self.changed.clone();
        let push = move |push: PushInfo| match (push.kind, &changed) {
            (PushKind::Disconnection, _) => task.ended(),
            (PushKind::Invalidate, Some(changed)) => tell_changed(&push.data, changed),
            _ => {}
        };
        // Counted before: an attempt that is given up is one that failed.
        let number = attempts.failed();
        let mut redis = open(&self.host, number, self.patience, push).await?;
        if self.changed.is_some() {
            track(&self.host, &mut redis, "OPTIN").await?;
        }
        attempts.succeeded();
        let live = Live { redis, lost };
        let mut current = lock(&self.live);
        *current = Some(live.clone());
        // This connection hears nothing of what was read over the last one. Under the lock: so nobody
        // has the one without having forgotten the other.
        if let Some(changed) = &self.changed {
            changed(None);
        }
        drop(current);
        Ok(live)
    }

    fn current(&self) -> Result<Option<Live>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Layer, "the channel layer is closed"));
        }
        let live = lock(&self.live);
        Ok(live
            .as_ref()
            .filter(|live| !live.lost.load(Ordering::Acquire))
            .cloned())
    }

    /// What an error means, for its caller and for the connection.
    fn failed(&self, live: &Live, error: RedisError) -> Error {
        if is_transport(&error) || error.is_timeout() || is_demoted(&error) {
            // Whoever comes next makes a new one; those who wait for answers may still get them.
            live.lost.store(true, Ordering::Release);
        }
        failure(&self.host, error)
    }
}

/// Opens a connection. Pushed messages are handed to `push` by the task that reads them, so they are
/// in order and wait in no queue; it must not block.
///
/// # Errors
///
/// As [`Connection::run`].
pub(crate) async fn open(
    host: &Host,
    attempt: usize,
    patience: Duration,
    push: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(patience))
        .set_push_sender(move |info| {
            push(info);
            Ok::<(), redis::aio::SendError>(())
        });
    // The client limits single steps, and those are several.
    let opened = tokio::time::timeout(CONNECT, async {
        let client = host.client(attempt).await?;
        let mut redis = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let is_right = if host.is_master() {
            is_master(&mut redis).await?
        } else {
            !host.is_watched() || !is_replica(&mut redis).await
        };
        Ok(is_right.then_some(redis))
    });
    match opened.await {
        Ok(Ok(Some(redis))) => Ok(redis),
        Ok(Ok(None)) => {
            let what = format!("Redis at {host} is not a master at present");
            Err(Error::new(ErrorKind::Unavailable, what))
        }
        Ok(Err(error)) => Err(failure(host, error)),
        Err(_) => Err(unreachable(host, None)),
    }
}

/// From now on Redis tells, once after each read, that a key that was read has changed.
///
/// # Errors
///
/// As [`Connection::run`].
pub(crate) async fn track(host: &Host, redis: &mut MultiplexedConnection, how: &str) -> Result {
    let mut tracking = redis::cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg(how);
    let answer = tracking.query_async(redis).await;
    answer.map_err(|error| failure(host, error))
}

/// What a message of Redis' says that has changed: some keys, or (`FLUSHALL`) everything.
fn tell_changed(data: &[redis::Value], changed: &Changed) {
    match data {
        [redis::Value::Array(keys)] => keys.iter().for_each(|key| match key {
            redis::Value::BulkString(key) => changed(Some(key)),
            _ => changed(None),
        }),
        _ => changed(None),
    }
}

/// Whether a node of a cluster is a master, and knows that. One that was away takes itself for the
/// master that it was; and replicas serve sharded pub/sub, too: what is published there comes late.
async fn is_master(redis: &mut MultiplexedConnection) -> RedisResult<bool> {
    let mut questions = redis::pipe();
    questions.cmd("CLUSTER").arg("INFO");
    questions.cmd("ROLE");
    let (info, role): (String, redis::Value) = questions.query_async(redis).await?;
    let role: Vec<redis::Value> = redis::from_redis_value(role)?;
    let is_master =
        matches!(role.first(), Some(redis::Value::BulkString(role)) if role == b"master");
    Ok(is_master && info.contains("cluster_state:ok"))
}

/// Whether the server that Sentinel named is a replica by now. A user may not be allowed to ask (ACL).
async fn is_replica(redis: &mut MultiplexedConnection) -> bool {
    let role: RedisResult<Vec<redis::Value>> = redis::cmd("ROLE").query_async(redis).await;
    let role = role.unwrap_or_default();
    matches!(role.first(), Some(redis::Value::BulkString(role)) if role != b"master")
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.host).finish()
    }
}

/// The client's error as ours.
pub(crate) fn failure(host: &Host, error: RedisError) -> Error {
    use redis::ErrorKind as Kind;
    let kind = error.kind();
    let (kind, what) = match kind {
        Kind::AuthenticationFailed => (ErrorKind::Config, "refuses the user or the password"),
        Kind::RESP3NotSupported => (ErrorKind::Config, "is older than version 6"),
        Kind::Server(ServerErrorKind::NoPerm) => {
            (ErrorKind::Config, "does not let this user do that (ACL)")
        }
        Kind::InvalidClientConfig => (ErrorKind::Config, "cannot be used so"),
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => {
            (ErrorKind::Config, "refuses the user or the password")
        }
        Kind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::Moved
            | ServerErrorKind::TryAgain,
        )
        | Kind::MasterNameNotFoundBySentinel => (ErrorKind::Unavailable, "is not ready"),
        _ if is_transport(&error) || error.is_io_error() => return unreachable(host, Some(error)),
        _ => (ErrorKind::Layer, "refuses a command"),
    };
    Error::caused(kind, format!("Redis at {host} {what}: {error}"), error)
}

/// Whether Redis has answered, if not as it was asked to.
pub(crate) fn is_answer(error: &RedisError) -> bool {
    use redis::ErrorKind::{Extension, Server};
    matches!(error.kind(), Server(_) | Extension)
}

/// Whether a node of a cluster says that another one has what a command names: it was not executed.
pub(crate) fn is_moved(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<RedisError>());
    source.is_some_and(|it| it.kind() == redis::ErrorKind::Server(ServerErrorKind::Moved))
}

fn unreachable(host: &Host, error: Option<RedisError>) -> Error {
    let what = format!("Redis at {host} cannot be reached");
    match error {
        Some(error) => Error::caused(ErrorKind::Unavailable, what, error),
        None => Error::new(ErrorKind::Unavailable, what),
    }
}

/// Whether the connection is of no use any more.
fn is_transport(error: &RedisError) -> bool {
    error.is_connection_dropped() || error.is_unrecoverable_error()
}

/// Whether the server is a replica by now, after a failover.
fn is_demoted(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// No code panics while it holds the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
