//! Logins that end close their sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use channels::Middleware as _;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{
    Channel, ChannelLayer, ChannelName, Delivery, Event, GroupName, LayerFuture, Receiver, Revoked,
    Scope, SessionStore as _, TokenAuthMiddleware, TokenVerifier, UserRecord, Verified,
};

use super::support::within;
use super::{Browser, TestSite, ask, sockets};

/// Two servers of one site, with one layer between them.
fn servers(site: &TestSite) -> (ProtocolTypeRouter, ProtocolTypeRouter, InMemoryChannelLayer) {
    let layer = InMemoryChannelLayer::new();
    let server = || {
        let own = TestSite {
            site: site.site.clone().allowed_hosts([] as [&str; 0]),
            ..site.clone()
        };
        own.app().channel_layer(layer.clone())
    };
    (server(), server(), layer)
}

pub(crate) async fn closed_as_revoked(socket: &mut WebsocketCommunicator) {
    let frame = socket.closed().await.expect("an end").expect("a frame");
    assert_eq!(frame.code, CloseCode::POLICY_VIOLATION);
}

#[tokio::test]
async fn logging_out_closes_the_sockets_of_the_session_on_every_server() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let (one, other, _) = servers(&site);
        let mut browser = Browser::new(&one);
        browser.log_in("alice", "secret").await;
        let mut here = browser.open("/ws/?who").await;
        let mut second = Browser::new(&one);
        second.log_in("alice", "secret").await;
        let mut elsewhere = second.open("/ws/?who").await;
        let mut unasked = browser.open("/ws/").await;
        browser.app = other;
        let mut there = browser.open("/ws/?who").await;

        browser.app = one;
        assert_eq!(browser.log_out().await, StatusCode::SEE_OTHER);
        closed_as_revoked(&mut here).await;
        closed_as_revoked(&mut there).await;
        assert_eq!(
            ask(&mut elsewhere, "who").await,
            "[alice]",
            "another session"
        );
        assert_eq!(ask(&mut unasked, "who").await, "[]", "it never asked");
    })
    .await;
}

#[tokio::test]
async fn a_socket_may_log_its_browser_out() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.log_in("alice", "secret").await;
        let mut other = browser.open("/ws/?who").await;
        let mut socket = browser.open("/ws/?who").await;
        assert_eq!(ask(&mut socket, "logout").await, "out");
        closed_as_revoked(&mut other).await;
        assert_eq!(ask(&mut socket, "who").await, "[]", "this one goes on");
        assert_eq!(browser.text("/who/").await, "");
    })
    .await;
}

#[tokio::test]
async fn a_ban_closes_all_sockets_of_a_user() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        site.add_user("bob", "hidden").await;
        let (one, other, layer) = servers(&site);
        let mut browser = Browser::new(&one);
        browser.log_in("alice", "secret").await;
        let mut first = browser.open("/ws/?who").await;
        browser.app = other.clone();
        let mut second = browser.open("/ws/?who").await;
        let mut bobs = Browser::new(&other);
        bobs.log_in("bob", "hidden").await;
        let mut bob = bobs.open("/ws/?who").await;

        let id = alice.id().expect("a key");
        Revoked::user(id)
            .send(&site.site, &layer)
            .await
            .expect("sent");
        closed_as_revoked(&mut first).await;
        closed_as_revoked(&mut second).await;
        assert_eq!(ask(&mut bob, "who").await, "[bob]");
    })
    .await;
}

/// Whoever can send on the layer, but does not have the site's secret key, closes nothing.
#[tokio::test]
async fn a_revocation_of_another_site_closes_nothing() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let (app, _, layer) = servers(&site);
        let mut browser = Browser::new(&app);
        browser.log_in("alice", "secret").await;
        let mut socket = browser.open("/ws/?who").await;
        let logs = super::logs::Logs::start();
        let other = TestSite::with(channels::SecretKeys::new("another key"));
        let id = alice.id().expect("a key");
        let forged = Revoked::user(id).send(&other.site, &layer).await;
        forged.expect("the layer is the same");
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
        assert_eq!(logs.count("revocation refused"), 1);

        Revoked::user(id)
            .send(&site.site, &layer)
            .await
            .expect("sent");
        closed_as_revoked(&mut socket).await;
    })
    .await;
}

/// A room that clients name as they like is none of the framework's groups.
#[tokio::test]
async fn an_application_neither_reads_nor_sends_revocations() {
    for name in ["channels.revoked", "channels$revoked"] {
        let error = GroupName::new(name).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Name);
    }
    let error = Event::new("channels.revoked", serde_json::json!({ "user": "1" }));
    assert_eq!(error.expect_err("reserved").kind(), ErrorKind::EventType);
}

/// A layer that fails for a while, as Redis does.
#[derive(Clone, Debug)]
struct Flaky {
    layer: InMemoryChannelLayer,
    is_down: Arc<AtomicBool>,
}

impl Flaky {
    fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }
}

impl ChannelLayer for Flaky {
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
        if self.is_down() {
            return LayerFuture::ready(Err(Error::layer("down for a test")));
        }
        self.layer.group_add(group, channel)
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
        self.layer.group_send(group, event, except)
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.layer.flush()
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.layer.close()
    }
}

/// What was revoked before the layer works is found by asking the stores, what is revoked later is
/// received.
#[tokio::test(start_paused = true)]
async fn a_layer_that_fails_at_first_is_listened_to_later() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let layer = InMemoryChannelLayer::new();
        let flaky = Flaky {
            layer: layer.clone(),
            is_down: Arc::new(true.into()),
        };
        let app = site.app().channel_layer(flaky.clone());
        let mut browser = Browser::new(&app);
        browser.log_in("alice", "secret").await;
        let mut missed = browser.open("/ws/?who").await;
        let key = browser.session_key().expect("a key").to_owned();
        browser.cookies.clear();
        browser.log_in("alice", "secret").await;
        let mut socket = browser.open("/ws/?who").await;
        site.sessions.delete(&key).await.expect("deleted");
        flaky.is_down.store(false, Ordering::Relaxed);
        closed_as_revoked(&mut missed).await;
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
        let revoked = Revoked::user(alice.id().expect("a key"));
        revoked.send(&site.site, &layer).await.expect("sent");
        closed_as_revoked(&mut socket).await;
    })
    .await;
}

/// A Django site tells nobody when a session ends: so the stores are asked.
#[tokio::test(start_paused = true)]
async fn a_session_that_ended_elsewhere_is_noticed_by_asking() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let site = TestSite {
            site: site.site.clone().recheck_every(Duration::from_secs(1)),
            ..site
        };
        let mut browser = Browser::new(&site.app());
        let mut sockets = Vec::new();
        for _ in 0..3 {
            browser.log_in("alice", "secret").await;
            sockets.push((
                browser.session_key().expect("a key").to_owned(),
                browser.open("/ws/?who").await,
            ));
            browser.cookies.clear();
        }
        site.queries();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(site.queries(), (1, 1), "one question for all");

        let (key, mut logged_out) = sockets.remove(0);
        site.sessions.delete(&key).await.expect("deleted");
        closed_as_revoked(&mut logged_out).await;

        let (_, mut second) = sockets.remove(0);
        assert_eq!(ask(&mut second, "who").await, "[alice]");
        site.set_down(true);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        site.set_down(false);
        assert_eq!(
            ask(&mut second, "who").await,
            "[alice]",
            "nobody is closed for want of an answer"
        );
        site.site
            .set_password(&alice, "newer")
            .await
            .expect("changed");
        closed_as_revoked(&mut second).await;
    })
    .await;
}

/// What was said while the layer was away is not said again: so the stores are asked, once they answer.
#[tokio::test(start_paused = true)]
async fn a_logout_that_was_not_heard_is_noticed_after_the_gap() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let (app, _, layer) = servers(&site);
        let mut browser = Browser::new(&app);
        browser.log_in("alice", "secret").await;
        let key = browser.session_key().expect("a key").to_owned();
        let mut logged_out = browser.open("/ws/?who").await;
        let mut second = Browser::new(&app);
        second.log_in("alice", "secret").await;
        let mut still_in = second.open("/ws/?who").await;

        site.sessions.delete(&key).await.expect("deleted");
        site.set_down(true);
        for _ in 0..3 {
            layer.send_gap(SystemTime::UNIX_EPOCH).expect("sent");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        site.set_down(false);
        site.queries();
        closed_as_revoked(&mut logged_out).await;
        assert_eq!(ask(&mut still_in, "who").await, "[alice]");
        let (sessions, users) = site.queries();
        assert!(
            (1..=2).contains(&sessions) && users <= 2,
            "{sessions} {users}"
        );
    })
    .await;
}

/// Whoever came by a token has no session that could end, but may be banned on the Django site.
#[tokio::test(start_paused = true)]
async fn a_user_with_a_token_who_may_not_log_in_any_more_is_noticed_by_asking() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let bob = site.add_user("bob", "hidden").await;
        let rechecked = site.site.clone().recheck_every(Duration::from_secs(1));
        let tokens = TokenAuthMiddleware::new(Ids).around(sockets());
        let app = site.app().site(rechecked).websocket(tokens);
        let open = async |id: &str| {
            let bearer = format!("Bearer {id}");
            let mut socket =
                WebsocketCommunicator::new(&app, "/ws/?who").header("authorization", &bearer);
            socket.connect().await.expect("a socket");
            socket
        };
        let mut alice = open("1").await;
        let mut other = open("1").await;
        let mut bob_himself = open(bob.id().expect("a key")).await;
        let mut elsewhere = open("carol").await;
        assert_eq!(ask(&mut elsewhere, "who").await, "[carol]");
        site.queries();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(site.queries(), (0, 1), "one question for all");

        site.users.ban("1");
        closed_as_revoked(&mut alice).await;
        closed_as_revoked(&mut other).await;
        assert_eq!(ask(&mut bob_himself, "who").await, "[bob]");
        assert_eq!(
            ask(&mut elsewhere, "who").await,
            "[carol]",
            "the site does not know her"
        );
    })
    .await;
}

/// The token is the user's key, or the name of a user of another system.
struct Ids;

impl TokenVerifier for Ids {
    async fn verify(&self, token: &str, _scope: &Scope) -> Result<Option<Verified>> {
        Ok(Some(match token {
            "carol" => Verified::user(channels::User::from(UserRecord {
                id: "c7".into(),
                username: "carol".into(),
                ..UserRecord::default()
            })),
            id => Verified::user_id(id),
        }))
    }
}
