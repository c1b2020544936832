//! The end of an application: what is open ends, then what it uses is closed.

use std::future::{Future, pending};

use super::protocol::ProtocolTypeRouter;
use crate::{CloseCode, CloseFrame, threads};

impl ProtocolTypeRouter {
    /// Closes every socket with 1012, ends the responses of HTTP consumers, and waits until all have
    /// run their `disconnect`, but not longer than the limits say; then closes the layers. Handshakes
    /// that are not answered yet, and what comes to a consumer later, get a 503 with `Retry-After`.
    ///
    /// Before the layers are closed, the application's workers in this process end: those that were not
    /// told to stop are told now, and their jobs have the grace period. Then the hooks of
    /// [`on_shutdown`](Self::on_shutdown) run. Each step has the limits' `shutdown_timeout` at most, and
    /// what it left running is logged.
    ///
    /// [`serve`](crate::serve) calls it; in an axum program call it from the graceful shutdown. A handler
    /// that awaits it would wait for its own end: let a task of its own do it.
    pub async fn shutdown(&self) {
        self.end_connections().await;
        self.release(pending()).await;
    }

    /// The first half of the shutdown: closes what is open, and waits for it.
    pub(crate) async fn end_connections(&self) {
        let restart = CloseFrame::new(CloseCode::SERVICE_RESTART, "the server restarts");
        self.context.registry.close_all(&restart);
        self.context.exchanges.close_all();
        let deadline = self.context.limits.shutdown_timeout;
        let emptied = async {
            self.context.registry.emptied().await;
            self.context.exchanges.emptied().await;
        };
        if tokio::time::timeout(deadline, emptied).await.is_err() {
            self.log_connections();
        }
    }

    /// Logs the connections that a shutdown does not wait for.
    pub(crate) fn log_connections(&self) {
        let left = self.context.connections();
        if left > 0 {
            tracing::warn!(left, "the shutdown did not wait for these connections");
        }
    }

    /// The second half of the shutdown: releases what connections and jobs use, once no worker of the
    /// application works any more, or there is no time for it. A worker that calls it has ended its own
    /// shifts before.
    pub(crate) async fn release(&self, no_time: impl Future<Output = ()>) {
        let deadline = self.context.limits.shutdown_timeout;
        let ended = tokio::time::timeout(deadline, self.context.shifts.end());
        let ended = tokio::select! {
            ended = ended => ended.is_ok(),
            () = no_time => false,
        };
        if !ended {
            tracing::warn!("the shutdown did not wait for a worker");
        }
        self.run_shutdown_hooks().await;
        for layer in self.context.layers.iter() {
            match tokio::time::timeout(deadline, layer.close()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a channel layer did not close"),
                Err(_) => tracing::warn!("a channel layer did not close in time"),
            }
        }
        for (handler, count) in threads::running() {
            tracing::warn!(handler, count, "the shutdown leaves blocking work running");
        }
    }
}
