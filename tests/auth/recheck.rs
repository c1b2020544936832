//! Stores that panic, hang or fail while the users of open sockets are rechecked.

use std::future::Future;
use std::time::{Duration, SystemTime};

use channels::Middleware as _;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use channels::{
    AuthMiddlewareStack, Limits, Scope, SessionStore as _, TokenAuthMiddleware, TokenVerifier,
    Verified,
};
use tokio::time::Instant;

use super::logs::Logs;
use super::{Browser, TestSite, ask, sockets};

const MINUTE: Duration = Duration::from_secs(60);

/// By the paused clock, which moves on by itself.
async fn within_a_day<T>(future: impl Future<Output = T>) -> T {
    let day = 24 * 60 * MINUTE;
    tokio::time::timeout(day, future)
        .await
        .expect("the deadline")
}

/// A site that rechecks each ten seconds, and its users: keys `1`, `2` and so on.
async fn rechecked(names: &[&str]) -> TestSite {
    let site = TestSite::new();
    for name in names {
        site.add_user(name, "secret").await;
    }
    TestSite {
        site: site.site.clone().recheck_every(Duration::from_secs(10)),
        ..site
    }
}

/// A socket of a user who has logged in, and the key of the session.
async fn logged_in(site: &TestSite, name: &str) -> (WebsocketCommunicator, String) {
    log_in(&patient(site), name).await
}

/// The application of a site that does not ask whether its clients are still there: these read nothing
/// for an hour.
fn patient(site: &TestSite) -> ProtocolTypeRouter {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::ZERO;
    site.app().limits(limits)
}

async fn log_in(app: &ProtocolTypeRouter, name: &str) -> (WebsocketCommunicator, String) {
    let mut browser = Browser::new(app);
    browser.log_in(name, "secret").await;
    let socket = browser.open("/ws/?who").await;
    (socket, browser.session_key().expect("a key").to_owned())
}

async fn closed_as_revoked(socket: &mut WebsocketCommunicator) {
    let frame = loop {
        // The communicator itself waits for some seconds only.
        if let Ok(frame) = socket.closed().await {
            break frame.expect("a frame");
        }
    };
    assert_eq!(frame.code, CloseCode::POLICY_VIOLATION);
}

#[tokio::test(start_paused = true)]
async fn a_panic_for_one_user_keeps_no_other_login_open() {
    within_a_day(async {
        let site = rechecked(&["alice", "bob", "carol"]).await;
        let (mut alice, key) = logged_in(&site, "alice").await;
        let (mut bob, _) = logged_in(&site, "bob").await;
        let (mut carol, _) = logged_in(&site, "carol").await;
        site.users.break_for(&["2"]);
        tokio::time::sleep(MINUTE).await;

        site.sessions.delete(&key).await.expect("deleted");
        closed_as_revoked(&mut alice).await;
        assert_eq!(ask(&mut carol, "who").await, "[carol]");
        assert_eq!(ask(&mut bob, "who").await, "[bob]");

        site.users.break_for(&[]);
        tokio::time::sleep(10 * MINUTE).await;
        assert_eq!(ask(&mut bob, "who").await, "[bob]", "checked again in time");
    })
    .await;
}

/// Fails closed: nobody knows whether such a login has ended.
#[tokio::test(start_paused = true)]
async fn a_login_that_cannot_be_rechecked_is_closed_after_the_grace() {
    within_a_day(async {
        let site = rechecked(&["alice", "bob"]).await;
        let (mut alice, _) = logged_in(&site, "alice").await;
        let (mut bob, _) = logged_in(&site, "bob").await;
        let logs = Logs::start();
        site.users.break_for(&["2"]);
        tokio::time::sleep(4 * MINUTE).await;
        assert_eq!(ask(&mut bob, "who").await, "[bob]", "within the grace");
        let begun = Instant::now();
        closed_as_revoked(&mut bob).await;
        assert!(begun.elapsed() < 2 * MINUTE, "{:?}", begun.elapsed());
        assert_eq!(ask(&mut alice, "who").await, "[alice]");
        assert!(logs.count("could not be rechecked for longer than the grace") > 0);
        assert!(logs.count("cannot check whether users are still logged in") > 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_grace_is_the_programs_to_choose() {
    within_a_day(async {
        let site = rechecked(&["alice"]).await;
        let site = TestSite {
            site: site.site.clone().recheck_grace(60 * MINUTE),
            ..site
        };
        let (mut alice, _) = logged_in(&site, "alice").await;
        site.set_down(true);
        tokio::time::sleep(59 * MINUTE).await;
        assert_eq!(ask(&mut alice, "who").await, "[alice]");
        closed_as_revoked(&mut alice).await;
    })
    .await;
}

struct Hour;

impl TokenVerifier for Hour {
    async fn verify(&self, _token: &str, _scope: &Scope) -> Result<Option<Verified>> {
        // By the system's clock, which does not pause.
        let end = SystemTime::now() + Duration::from_millis(300);
        Ok(Some(Verified::user_id("1").until(end)))
    }
}

/// What asks the stores must not hold up what looks at the clock.
#[tokio::test]
async fn tokens_end_while_a_store_hangs() {
    super::support::within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let soon = Duration::from_millis(20);
        let site = TestSite {
            site: site.site.clone().recheck_every(soon),
            ..site
        };
        let app = site
            .app()
            .websocket(TokenAuthMiddleware::new(Hour).around(AuthMiddlewareStack::new(sockets())));
        let mut socket =
            WebsocketCommunicator::new(&app, "/ws/?who").header("authorization", "Bearer x");
        socket.connect().await.expect("a socket");
        site.users.hang();
        closed_as_revoked(&mut socket).await;
    })
    .await;
}

/// A gap of the layer, while one user's row is broken.
#[tokio::test(start_paused = true)]
async fn a_panic_after_a_gap_keeps_no_other_login_open() {
    within_a_day(async {
        let site = TestSite::new();
        for name in ["alice", "bob", "carol"] {
            site.add_user(name, "secret").await;
        }
        let layer = InMemoryChannelLayer::new();
        let app = patient(&site).channel_layer(layer.clone());
        let (mut alice, key) = log_in(&app, "alice").await;
        let (mut bob, _) = log_in(&app, "bob").await;
        let (mut carol, _) = log_in(&app, "carol").await;
        site.users.break_for(&["2"]);
        site.sessions.delete(&key).await.expect("deleted");
        layer.send_gap(SystemTime::UNIX_EPOCH).expect("sent");
        closed_as_revoked(&mut alice).await;
        assert_eq!(ask(&mut carol, "who").await, "[carol]");
        assert_eq!(ask(&mut bob, "who").await, "[bob]");
        closed_as_revoked(&mut bob).await;
        assert_eq!(ask(&mut carol, "who").await, "[carol]");
        site.users.break_for(&[]);
        site.queries();
        tokio::time::sleep(10 * MINUTE).await;
        let (sessions, users) = site.queries();
        assert!(sessions <= 1 && users <= 2, "it ends: {sessions} {users}");
    })
    .await;
}

/// A site that rechecks each minute, with sockets of users with the keys `1`, `2` and so on.
async fn online(users: usize) -> (TestSite, Vec<(String, WebsocketCommunicator)>) {
    let names: Vec<_> = (1..=users).map(|number| format!("user{number}")).collect();
    let site = rechecked(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let site = TestSite {
        site: site.site.clone().recheck_every(MINUTE),
        ..site
    };
    let app = patient(&site);
    let mut sockets = Vec::new();
    for name in names {
        let (socket, _) = log_in(&app, &name).await;
        sockets.push((name, socket));
    }
    (site, sockets)
}

/// Expects that those users alone are closed, within the grace and an interval.
async fn closes_alone(sockets: Vec<(String, WebsocketCommunicator)>, failing: &[&str]) {
    let begun = Instant::now();
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    for (name, socket) in sockets {
        if failing.contains(&name.trim_start_matches("user")) {
            closed.push(socket);
        } else {
            open.push((name, socket));
        }
    }
    for socket in &mut closed {
        closed_as_revoked(socket).await;
    }
    let grace = 10 * MINUTE;
    assert!(begun.elapsed() <= grace + MINUTE, "{:?}", begun.elapsed());
    assert!(begun.elapsed() + MINUTE >= grace, "{:?}", begun.elapsed());
    tokio::time::sleep(60 * MINUTE).await;
    for (name, socket) in &mut open {
        assert_eq!(ask(socket, "who").await, format!("[{name}]"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_for_whom_the_store_hangs_keeps_no_other_from_being_checked() {
    within_a_day(async {
        let (site, sockets) = online(3).await;
        site.users.hang_for(&["2"]);
        closes_alone(sockets, &["2"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_user_for_whom_the_store_is_unavailable_keeps_no_other_from_being_checked() {
    within_a_day(async {
        let (site, sockets) = online(3).await;
        site.users.refuse_for(&["2"]);
        closes_alone(sockets, &["2"]).await;
    })
    .await;
}

/// More than the failures in a row after which a pass gives up.
#[tokio::test(start_paused = true)]
async fn many_users_for_whom_the_store_hangs_close_nobody_else() {
    within_a_day(async {
        let (site, sockets) = online(33).await;
        let ids: Vec<_> = (4..=33).map(|id| id.to_string()).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        site.users.hang_for(&ids);
        closes_alone(sockets, &ids).await;
    })
    .await;
}

/// The query for all sessions fails at once, each query for one of them hangs.
#[tokio::test(start_paused = true)]
async fn the_grace_ends_while_a_pass_still_waits() {
    within_a_day(async {
        let site = rechecked(&["alice"]).await;
        let app = patient(&site);
        let (mut sockets, mut keys) = (Vec::new(), Vec::new());
        for _ in 0..500 {
            let (socket, key) = log_in(&app, "alice").await;
            sockets.push(socket);
            keys.push(key);
        }
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        site.sessions.break_for(&keys[..1]);
        site.sessions.hang_for(&keys[1..]);
        let begun = Instant::now();
        for socket in &mut sockets {
            closed_as_revoked(socket).await;
        }
        assert!(begun.elapsed() <= 6 * MINUTE, "{:?}", begun.elapsed());
    })
    .await;
}
