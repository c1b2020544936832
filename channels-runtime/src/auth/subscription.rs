//! Receives the revocations that other servers send.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::runtime::Handle;

use super::recheck;
use super::revoked::{REVOKED, Revoked};
use super::site::{Site, WeakSite};
use super::watch::Watch;
use crate::layer::{ChannelLayer, Delivered, Receiver};
use crate::log::LogLimit;
use crate::supervise::supervise;
use crate::{Error, Event, GroupName, Result};

impl Watch {
    /// Listens to a layer for logins of a site that end on other servers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer).
    pub(super) async fn listen(
        self: &Arc<Self>,
        site: &Site,
        layer: &Arc<dyn ChannelLayer>,
    ) -> Result {
        let mut subscriptions = self.subscriptions.lock().await;
        if subscriptions
            .iter()
            .any(|(known, _)| Arc::ptr_eq(known, layer))
        {
            return Ok(());
        }
        let receiver = Arc::new(Subscription {
            watch: Arc::downgrade(self),
            site: site.downgrade(),
            runtime: Handle::current(),
            gaps: Arc::default(),
            refusals: LogLimit::new(),
        });
        let channel = layer.new_channel(receiver).await?;
        layer.group_add(GroupName::REVOKED, channel.name()).await?;
        subscriptions.push((Arc::clone(layer), channel));
        Ok(())
    }

    /// Listens to a layer that has failed as soon as it works again, and then rechecks the logins: what
    /// was revoked meanwhile was not received.
    pub(super) fn listen_later(
        self: &Arc<Self>,
        site: &Site,
        layer: &Arc<dyn ChannelLayer>,
        error: &Error,
    ) {
        if self.is_retrying.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(%error, "cannot listen for logins that end on other servers, retrying");
        let (site, layer) = (site.downgrade(), Arc::clone(layer));
        tokio::spawn(supervise("revocation subscription", move || {
            subscribe(site.clone(), Arc::clone(&layer))
        }));
    }
}

/// Tries to listen to a layer until it works.
async fn subscribe(site: WeakSite, layer: Arc<dyn ChannelLayer>) {
    while let Some(site) = site.upgrade() {
        let watch = Arc::clone(site.watch());
        if watch.listen(&site, &layer).await.is_ok() {
            watch.is_retrying.store(false, Ordering::Relaxed);
            recheck::catch_up(site.downgrade(), Arc::new(AtomicUsize::new(1))).await;
            return;
        }
        drop(site);
        tokio::time::sleep(recheck::RETRY).await;
    }
}

/// Hsubscriptions of logins that end on other servers.
struct Subscription {
    watch: Weak<Watch>,
    site: WeakSite,
    runtime: Handle,
    /// How often something may not have been heard, since the stores were last asked.
    gaps: Arc<AtomicUsize>,
    /// Lines about revocations that are not the site's.
    refusals: LogLimit,
}

impl Subscription {
    /// Rechecks all logins, unless a task does so already.
    fn catch_up(&self) {
        if self.gaps.fetch_add(1, Ordering::Relaxed) == 0 {
            let (site, gaps) = (self.site.clone(), Arc::clone(&self.gaps));
            self.runtime
                .spawn(supervise("login recheck after a gap", move || {
                    recheck::catch_up(site.clone(), Arc::clone(&gaps))
                }));
        }
    }
}

impl Receiver for Subscription {
    fn deliver(&self, event: &Event) -> Delivered {
        if event.is_gap() {
            self.catch_up();
            return Delivered::Queued;
        }
        // Its channel can be addressed by anybody who guesses the name.
        if !event.event_type().is_internal() || event.event_type().as_str() != REVOKED {
            return Delivered::Closed;
        }
        if let (Some(watch), Some(site)) = (self.watch.upgrade(), self.site.upgrade())
            && let Some(revoked) = Revoked::from_event(event, site.keys(), &self.refusals)
        {
            watch.revoke(&revoked);
        }
        Delivered::Queued
    }
}
