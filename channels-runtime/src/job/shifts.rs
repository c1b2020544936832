//! All shifts of an application: for the shutdown.

use std::sync::Arc;

use tokio::sync::watch;

/// The shifts that work; each holds a receiver of the word that the application ends.
#[derive(Clone, Debug)]
pub(crate) struct Shifts(Arc<watch::Sender<()>>);

/// A shift's entry; dropping it takes the shift out.
#[derive(Debug)]
pub(super) struct Registered(watch::Receiver<()>);

impl Shifts {
    /// Enters a shift.
    pub(super) fn register(&self) -> Registered {
        Registered(self.0.subscribe())
    }

    /// Tells the shifts that work to end, and waits until all have. Cancel safe.
    pub(crate) async fn end(&self) {
        self.0.send_replace(());
        self.0.closed().await;
    }
}

impl Default for Shifts {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Registered {
    /// Waits until the application ends. Cancel safe.
    pub(super) async fn application_ends(&self) {
        // Whoever could tell is gone: that is the end as well.
        let _ = self.0.clone().changed().await;
    }
}
