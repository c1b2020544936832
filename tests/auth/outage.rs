//! Logins, logouts and handshakes while the channel layer does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{
    Channel, ChannelLayer, ChannelName, Delivery, Event, GroupName, LayerFuture, Receiver, Revoked,
    SessionStore as _,
};
use futures_util::future::join_all;
use tokio::time::Instant;

use super::support::within;
use super::{Browser, TestSite, ask};
use crate::revoked::closed_as_revoked;

/// A layer that is away at first: a call waits for up to five seconds, as over Redis, and then fails.
#[derive(Clone, Debug)]
struct Outage {
    layer: InMemoryChannelLayer,
    is_away: Arc<AtomicBool>,
}

impl Outage {
    fn new() -> Self {
        Self {
            layer: InMemoryChannelLayer::new(),
            is_away: Arc::new(true.into()),
        }
    }

    fn begin(&self) {
        self.is_away.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        self.is_away.store(false, Ordering::Relaxed);
    }

    fn answer<'a, T: Unpin + Send + 'a>(
        &self,
        answer: impl FnOnce() -> LayerFuture<'a, T> + Send + 'a,
    ) -> LayerFuture<'a, T> {
        let is_away = Arc::clone(&self.is_away);
        LayerFuture::waiting(async move {
            let patience = Instant::now() + Duration::from_secs(5);
            while is_away.load(Ordering::Relaxed) {
                if Instant::now() >= patience {
                    return Err(Error::layer("away for a test"));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            answer().await
        })
    }
}

impl ChannelLayer for Outage {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        self.layer.new_channel(receiver)
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        self.layer.send(channel, event)
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        self.answer(move || self.layer.group_add(group, channel))
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        self.layer.group_discard(group, channel)
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        self.answer(move || self.layer.group_send(group, event, except))
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.layer.flush()
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.layer.close()
    }
}

#[tokio::test(start_paused = true)]
async fn handshakes_do_not_wait_for_a_layer_that_does_not_answer() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let layer = Outage::new();
        let mut browser = Browser::new(&site.app().channel_layer(layer.clone()));
        browser.log_in("alice", "secret").await;
        let begun = Instant::now();
        let mut sockets: Vec<_> = (0..20).map(|_| browser.socket("/ws/?who")).collect();
        for accepted in join_all(sockets.iter_mut().map(WebsocketCommunicator::connect)).await {
            accepted.expect("a socket");
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{begun:?}");
        let begun = Instant::now();
        let mut last = browser.open("/ws/?who").await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "the first ones waited");

        layer.end();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let revoked = Revoked::user(alice.id().expect("a key"));
        revoked.send(&site.site, &layer).await.expect("sent");
        closed_as_revoked(&mut last).await;
        for socket in &mut sockets {
            closed_as_revoked(socket).await;
        }
    })
    .await;
}

/// The logout was sent while nobody listened.
#[tokio::test(start_paused = true)]
async fn a_logout_before_the_subscription_is_found_after_it() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let layer = Outage::new();
        let mut browser = Browser::new(&site.app().channel_layer(layer.clone()));
        browser.log_in("alice", "secret").await;
        let mut logged_out = browser.open("/ws/?who").await;
        let key = browser.session_key().expect("a key").to_owned();
        browser.cookies.clear();
        browser.log_in("alice", "secret").await;
        let mut still_in = browser.open("/ws/?who").await;
        site.sessions.delete(&key).await.expect("deleted");
        layer.end();
        closed_as_revoked(&mut logged_out).await;
        assert_eq!(ask(&mut still_in, "who").await, "[alice]");
    })
    .await;
}

/// The session is read before the subscription, its user is returned after it.
#[tokio::test(start_paused = true)]
async fn a_logout_during_a_lookup_is_found_after_the_subscription() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let layer = Outage::new();
        let app = site.app().channel_layer(layer.clone());
        let mut browser = Browser::new(&app);
        browser.log_in("alice", "secret").await;
        let key = browser.session_key().expect("a key").to_owned();
        let mut socket = browser.socket("/ws/?who");
        site.users.delay(Duration::from_secs(3));
        let connecting = tokio::spawn(async move {
            socket.connect().await.expect("a socket");
            socket
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        site.sessions.delete(&key).await.expect("deleted");
        layer.end();
        let mut socket = connecting.await.expect("no panic");
        closed_as_revoked(&mut socket).await;
    })
    .await;
}

/// Two servers with a watch each, as two processes have, and one layer between them.
fn servers(site: &TestSite, layer: &Outage) -> (ProtocolTypeRouter, ProtocolTypeRouter) {
    let server = || {
        let own = TestSite {
            site: site.site.clone().recheck_grace(Duration::from_secs(600)),
            ..site.clone()
        };
        own.app().channel_layer(layer.clone())
    };
    (server(), server())
}

/// A browser that is logged in, and its socket on the other server, which is subscribed.
async fn logged_in(layer: &Outage, site: &TestSite) -> (Browser, WebsocketCommunicator) {
    let (one, other) = servers(site, layer);
    layer.end();
    let mut browser = Browser::new(&one);
    browser.log_in("alice", "secret").await;
    browser.app = other;
    let mut socket = browser.open("/ws/?who").await;
    assert_eq!(ask(&mut socket, "who").await, "[alice]");
    browser.app = one;
    (browser, socket)
}

#[tokio::test(start_paused = true)]
async fn a_login_counts_while_the_layer_is_away_and_its_revocation_follows() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        site.add_user("bob", "hidden").await;
        let layer = Outage::new();
        let (mut browser, mut replaced) = logged_in(&layer, &site).await;
        let before = browser.cookies["csrftoken"].clone();
        layer.begin();
        let begun = Instant::now();
        assert_eq!(browser.log_in("bob", "hidden").await, StatusCode::SEE_OTHER);
        assert!(begun.elapsed() <= Duration::from_secs(1), "{begun:?}");
        assert_ne!(browser.cookies["csrftoken"], before, "the token is new");
        assert_eq!(browser.text("/who/").await, "bob");
        assert_eq!(ask(&mut replaced, "who").await, "[alice]", "not sent yet");
        tokio::time::sleep(Duration::from_secs(7)).await;
        layer.end();
        closed_as_revoked(&mut replaced).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_logout_counts_while_the_layer_is_away_and_its_revocation_follows() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let layer = Outage::new();
        let (mut browser, mut logged_out) = logged_in(&layer, &site).await;
        layer.begin();
        assert_eq!(browser.log_out().await, StatusCode::SEE_OTHER);
        assert_eq!(browser.text("/who/").await, "");
        tokio::time::sleep(Duration::from_secs(7)).await;
        layer.end();
        closed_as_revoked(&mut logged_out).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_could_not_be_sent_for_five_minutes_is_logged_and_dropped() {
    {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let layer = Outage::new();
        let (mut browser, logged_out) = logged_in(&layer, &site).await;
        drop(logged_out);
        let logs = super::logs::Logs::start();
        layer.begin();
        assert_eq!(browser.log_out().await, StatusCode::SEE_OTHER);
        let expired = async {
            while logs.count("revocations lost") == 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let begun = Instant::now();
        let _ = tokio::time::timeout(Duration::from_secs(400), expired).await;
        assert!(begun.elapsed() >= Duration::from_secs(290), "{begun:?}");
        assert_eq!(logs.count("revocations lost"), 1);
    }
}
