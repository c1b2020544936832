//! Work beside the handlers: tasks that end with the connection, and work that blocks.

use std::future::Future;

use tokio::task::{AbortHandle, JoinSet};

use crate::supervise::isolate_future;
use crate::threads;

/// The tasks of one connection; dropping it ends them.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Option<JoinSet<()>>);

impl Tasks {
    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        let tasks = self.0.get_or_insert_with(JoinSet::new);
        // What has ended by itself is let go here, so that a long connection does not collect it.
        while tasks.try_join_next().is_some() {}
        TaskHandle(tasks.spawn(async {
            // A panic is counted and logged at once: nobody waits for most tasks.
            isolate_future("a task of a connection", task).await;
        }))
    }

    /// Waits until every task has ended by itself. Cancel safe.
    pub(crate) async fn ended(&mut self) {
        if let Some(tasks) = &mut self.0 {
            while tasks.join_next().await.is_some() {}
        }
    }
}

/// A task or timer of a connection.
///
/// Dropping the handle leaves it running: it ends with the connection.
#[derive(Clone, Debug)]
pub struct TaskHandle(AbortHandle);

impl TaskHandle {
    /// Ends the task where it waits next.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

/// Runs work that blocks, a database call or a computation, on a thread where it may.
///
/// Channels' `sync_to_async` and `database_sync_to_async`, which share one thread there. Here every
/// call has its own, of at most 512 in the process; further calls wait. Unlike tokio's
/// `spawn_blocking`, work that hangs does not keep the process from ending.
///
/// # Panics
///
/// If the work panics.
///
/// # Cancel safety
///
/// If the future is dropped, the work goes on to its end and its result is lost.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sum = channels_runtime::blocking(|| (1..=1000_u64).sum::<u64>()).await;
/// assert_eq!(sum, 500_500);
/// # }
/// ```
#[doc(alias = "sync_to_async")]
#[doc(alias = "database_sync_to_async")]
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    threads::run(type_name_of(&work), work).await
}

fn type_name_of<T>(_: &T) -> &'static str {
    std::any::type_name::<T>()
}
