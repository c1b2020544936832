//! All exchanges of an application: for the shutdown.

use std::sync::Arc;

use tokio::sync::watch;

/// The exchanges that live; each holds a receiver of the word that all have to end.
#[derive(Clone, Debug)]
pub(crate) struct Exchanges(Arc<watch::Sender<bool>>);

/// An exchange's entry; dropping it takes the exchange out.
#[derive(Debug)]
pub(super) struct Registered(watch::Receiver<bool>);

impl Exchanges {
    /// Enters an exchange, unless the application shuts down.
    pub(super) fn register(&self) -> Option<Registered> {
        let receiver = self.0.subscribe();
        let closing = *receiver.borrow();
        (!closing).then_some(Registered(receiver))
    }

    /// How many exchanges live.
    pub(crate) fn len(&self) -> usize {
        self.0.receiver_count()
    }

    /// Ends every exchange, and refuses those that come later.
    pub(crate) fn close_all(&self) {
        self.0.send_replace(true);
    }

    /// Waits until no exchange lives.
    pub(crate) async fn emptied(&self) {
        self.0.closed().await;
    }
}

impl Default for Exchanges {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Registered {
    /// Ends when the application shuts down; never, if it is dropped without.
    pub(super) async fn stopped(&mut self) {
        let stopped = self.0.wait_for(|closing| *closing).await.is_ok();
        if !stopped {
            std::future::pending::<()>().await;
        }
    }
}
