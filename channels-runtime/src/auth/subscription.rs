//! Receives the revocations that other servers send.
//!
//! No handshake waits for a layer that does not answer. A supervised task subscribes, with retries, and
//! then rechecks the logins that were watched without a subscription.
//!
//! | a login is looked up | and enters the watch | a revocation that was missed is found by |
//! |---|---|---|
//! | before the subscription | before it | the recheck of the task that subscribes |
//! | before the subscription | after it | a recheck that [`Watch::catch_up`] starts |
//! | after the subscription | after it | nothing is missed |

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::recheck;
use super::revoked::{REVOKED, Revoked};
use super::site::{Site, WeakSite};
use super::watch::Watch;
use crate::layer::{Channel, ChannelLayer, Delivered, Receiver};
use crate::log::LogLimit;
use crate::supervise::supervise;
use crate::{Error, Event, GroupName, Result};

/// How long handshakes wait for the first attempt to subscribe, from its beginning. A layer that works
/// has answered by then, so a revocation right after the first handshake is received.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long one attempt may take: longer than a layer over Redis waits itself.
const ATTEMPT: Duration = Duration::from_secs(15);

/// The subscriptions of a watch, one for each layer.
#[derive(Default)]
pub(super) struct Subscriptions(Mutex<Vec<Arc<Subscription>>>);

/// The channel that receives the revocations of one layer, as soon as there is one.
struct Subscription {
    layer: Arc<dyn ChannelLayer>,
    receiver: Arc<Revocations>,
    progress: watch::Sender<Progress>,
    /// Until when handshakes wait for the first attempt.
    patience: Instant,
    channel: OnceLock<Channel>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The first attempt has not ended.
    Begun,
    /// It has failed, and is repeated.
    Away,
    Subscribed,
}

impl Watch {
    /// Subscribes to the revocations that other servers of a site send on a layer. Returns whether the
    /// subscription is there; if not, a task goes on to try, and the caller calls
    /// [`catch_up`](Self::catch_up) for its login.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        site: &Site,
        layer: &Arc<dyn ChannelLayer>,
    ) -> bool {
        let (subscription, is_new) = self.subscriptions.of(layer, || Revocations {
            watch: Arc::downgrade(self),
            site: site.downgrade(),
            runtime: Handle::current(),
            gaps: Arc::default(),
            refusals: LogLimit::new(),
        });
        if is_new {
            let (site, subscription) = (site.downgrade(), Arc::clone(&subscription));
            tokio::spawn(supervise("revocation subscription", move || {
                subscribe(site.clone(), Arc::clone(&subscription))
            }));
        }
        subscription.settled().await
    }

    /// Whether the revocations of a layer are received.
    pub(super) fn is_subscribed(&self, layer: &Arc<dyn ChannelLayer>) -> bool {
        let subscription = self.subscriptions.known(layer);
        subscription.is_some_and(|subscription| subscription.is_subscribed())
    }

    /// Rechecks the logins of which one has entered the watch that was looked up without a subscription: it
    /// may have ended before there was one.
    pub(super) fn catch_up(&self, layer: &Arc<dyn ChannelLayer>) {
        // Without a subscription, the task that subscribes rechecks the login: it is in the watch already.
        if let Some(subscription) = self.subscriptions.known(layer)
            && subscription.is_subscribed()
        {
            subscription.receiver.catch_up();
        }
    }
}

impl Subscriptions {
    /// The subscription to a layer, and whether it is a new one.
    fn of(
        &self,
        layer: &Arc<dyn ChannelLayer>,
        receiver: impl FnOnce() -> Revocations,
    ) -> (Arc<Subscription>, bool) {
        let mut all = self.all();
        if let Some(known) = find(&all, layer) {
            return (known, false);
        }
        let subscription = Arc::new(Subscription {
            layer: Arc::clone(layer),
            receiver: Arc::new(receiver()),
            progress: watch::Sender::new(Progress::Begun),
            patience: Instant::now() + PATIENCE,
            channel: OnceLock::new(),
        });
        all.push(Arc::clone(&subscription));
        (subscription, true)
    }

    fn known(&self, layer: &Arc<dyn ChannelLayer>) -> Option<Arc<Subscription>> {
        find(&self.all(), layer)
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Subscription>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(all: &[Arc<Subscription>], layer: &Arc<dyn ChannelLayer>) -> Option<Arc<Subscription>> {
    let mut known = all.iter();
    known
        .find(|known| Arc::ptr_eq(&known.layer, layer))
        .cloned()
}

/// Tries to subscribe until it works, and then rechecks the logins in the watch: revocations that were
/// sent meanwhile were not received.
async fn subscribe(site: WeakSite, subscription: Arc<Subscription>) {
    while let Some(watch) = site.upgrade().map(|site| Arc::clone(site.watch())) {
        match subscription.open().await {
            Ok(channel) => {
                // A second one, after a panic, is closed again.
                let _ = subscription.channel.set(channel);
                subscription.progress.send_replace(Progress::Subscribed);
                if !watch.is_empty() {
                    subscription.receiver.catch_up();
                }
                return;
            }
            Err(error) => subscription.has_failed(&error),
        }
        drop(watch);
        tokio::time::sleep(recheck::RETRY).await;
    }
}

impl Subscription {
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer), or what else the layer says.
    async fn open(&self) -> Result<Channel> {
        let opening = async {
            let channel = self
                .layer
                .new_channel(Arc::clone(&self.receiver) as _)
                .await?;
            let joined = self.layer.group_add(GroupName::REVOKED, channel.name());
            joined.await?;
            Ok(channel)
        };
        let opened = timeout(ATTEMPT, opening).await;
        opened.unwrap_or_else(|_| Err(Error::layer("the layer did not answer in time")))
    }

    fn has_failed(&self, error: &Error) {
        if self.progress.send_replace(Progress::Away) == Progress::Begun {
            tracing::warn!(%error, "cannot listen for logins that end on other servers, retrying");
        }
    }

    /// Waits a short time for the first attempt. Returns whether there is a subscription.
    async fn settled(&self) -> bool {
        let mut progress = self.progress.subscribe();
        let ended = async {
            let ended = progress.wait_for(|progress| *progress != Progress::Begun);
            ended.await.is_ok()
        };
        let _ = timeout_at(self.patience, ended).await;
        self.is_subscribed()
    }

    fn is_subscribed(&self) -> bool {
        *self.progress.borrow() == Progress::Subscribed
    }
}

/// Receives the revocations of one layer.
struct Revocations {
    watch: Weak<Watch>,
    site: WeakSite,
    runtime: Handle,
    /// How often revocations may have been missed, since the stores were last asked.
    gaps: Arc<AtomicUsize>,
    /// Lines about revocations that are not the site's.
    refusals: LogLimit,
}

impl Revocations {
    /// Rechecks all logins, unless a task does so already.
    fn catch_up(&self) {
        if self.gaps.fetch_add(1, Ordering::AcqRel) == 0 {
            let (site, gaps) = (self.site.clone(), Arc::clone(&self.gaps));
            self.runtime
                .spawn(supervise("login recheck after a gap", move || {
                    recheck::catch_up(site.clone(), Arc::clone(&gaps))
                }));
        }
    }
}

impl Receiver for Revocations {
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
