//! Deleting expired sessions in the background.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::store::SessionStore;
use crate::supervise::supervise;

/// Whether, and how often, a program deletes the expired sessions of its store.
#[derive(Clone, Default)]
pub(crate) struct Cleanup {
    interval: Option<Duration>,
    is_running: Arc<AtomicBool>,
    /// The task ends with the last of its site's clones.
    alive: Arc<()>,
}

/// Least pause between two runs: each looks through the table.
const SHORTEST: Duration = Duration::from_secs(1);

impl Cleanup {
    pub(crate) fn every(interval: Duration) -> Self {
        Self {
            interval: Some(interval.max(SHORTEST)),
            ..Self::default()
        }
    }

    /// Starts the task with the first session that is saved: a program that saves none has nothing to
    /// delete, and a site may be made outside of the runtime.
    pub(super) fn start(&self, store: &Arc<dyn SessionStore>) {
        let Some(interval) = self.interval else {
            return;
        };
        if self.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        let (store, alive) = (Arc::clone(store), Arc::downgrade(&self.alive));
        tokio::spawn(supervise("expired session cleanup", move || {
            clear(Arc::clone(&store), Weak::clone(&alive), interval)
        }));
    }
}

async fn clear(store: Arc<dyn SessionStore>, alive: Weak<()>, interval: Duration) {
    while alive.strong_count() > 0 {
        match store.clear_expired().await {
            Ok(0) => {}
            Ok(sessions) => tracing::debug!(sessions, "deleted expired sessions"),
            Err(error) => {
                let source = error.source_text();
                tracing::warn!(%error, source, ?interval, "cannot delete expired sessions, retrying");
            }
        }
        tokio::time::sleep(interval).await;
    }
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleanup")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
