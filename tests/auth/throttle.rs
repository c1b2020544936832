//! Logins that fail too often, and too many at the same time.

use std::num::NonZeroUsize;
use std::time::Duration;

use channels::prelude::*;
use channels::{AuthMiddlewareStack, CsrfMiddleware, LoginThrottle, LoginView, Middleware as _};
use http::header;

use super::logs::Logs;
use super::support::within;
use super::{Browser, TestSite, quick};

/// Tries a password, and gives the answer's status and `Retry-After`.
async fn try_password(browser: &mut Browser, name: &str, password: &str) -> (u16, Option<u64>) {
    let token = match browser.cookies.get("csrftoken") {
        Some(token) => token.clone(),
        None => browser.token("/login/").await,
    };
    let form = format!("csrfmiddlewaretoken={token}&username={name}&password={password}");
    let response = browser.post("/login/", &form).await;
    let wait = response.headers().get(header::RETRY_AFTER);
    let wait = wait.map(|wait| wait.to_str().expect("a text").parse().expect("seconds"));
    (response.status().as_u16(), wait)
}

#[tokio::test(start_paused = true)]
async fn the_sixth_wrong_password_has_to_wait() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        let logs = Logs::start();
        for _ in 0..5 {
            let answer = try_password(&mut browser, "alice", "wrong").await;
            assert_eq!(answer, (200, None));
        }
        site.queries();
        let (status, wait) = try_password(&mut browser, "alice", "wrong").await;
        assert_eq!(status, 429);
        assert!((50..=60).contains(&wait.expect("a time")), "{wait:?}");
        // Nor does the correct one say anything.
        assert_eq!(try_password(&mut browser, "ALICE", "secret").await.0, 429);
        assert_eq!(site.queries(), (0, 0), "nobody is looked up");
        assert!(logs.count("login refused: too many failed logins") > 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_page_says_when_to_try_again_and_then_lets_the_user_in() {
    let site = TestSite::new();
    site.add_user("alice", "secret").await;
    let mut browser = Browser::new(&site.app());
    for _ in 0..5 {
        try_password(&mut browser, "alice", "wrong").await;
    }
    let token = browser.cookies["csrftoken"].clone();
    let form = format!("csrfmiddlewaretoken={token}&username=alice&password=secret");
    let page = browser.post("/login/", &form).await;
    let page = String::from_utf8(page.body().to_vec()).expect("a text");
    assert!(
        page.contains("Too many failed logins. Try again in"),
        "{page}"
    );
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(try_password(&mut browser, "alice", "secret").await.0, 303);
    // The count begins again.
    for _ in 0..5 {
        let answer = try_password(&mut browser, "alice", "wrong").await;
        assert_eq!(answer, (200, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_has_is_throttled_alike() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        let mut answers = [Vec::new(), Vec::new()];
        for (name, answers) in ["alice", "nobody"].into_iter().zip(&mut answers) {
            for _ in 0..8 {
                let (status, wait) = try_password(&mut browser, name, "wrong").await;
                answers.push((status, wait.is_some()));
            }
        }
        assert_eq!(answers[0], answers[1]);
    })
    .await;
}

/// The answers to these come from the stores, not from whoever guesses.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_counts_for_nothing() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.token("/login/").await;
        site.set_down(true);
        for _ in 0..10 {
            let answer = try_password(&mut browser, "alice", "secret").await;
            assert_eq!(answer, (503, Some(1)));
        }
        site.set_down(false);
        assert_eq!(try_password(&mut browser, "alice", "secret").await.0, 303);
    })
    .await;
}

fn app(site: &TestSite, view: LoginView) -> ProtocolTypeRouter {
    let pages = URLRouter::new().path("login/", view);
    site.app()
        .http(CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages)))
}

#[tokio::test(start_paused = true)]
async fn the_throttle_is_the_programs_to_choose() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let own = LoginThrottle::new().per_user_and_address(1, Duration::from_secs(10));
        let throttled = app(&site, LoginView::new().throttle(own.clone()));
        let mut browser = Browser::new(&throttled);
        assert_eq!(try_password(&mut browser, "alice", "wrong").await.0, 200);
        let (status, wait) = try_password(&mut browser, "alice", "wrong").await;
        assert_eq!((status, wait), (429, Some(10)));
        let shared = app(&site, LoginView::new().throttle(own));
        let mut second = Browser::new(&shared);
        let (status, _) = try_password(&mut second, "alice", "wrong").await;
        assert_eq!(status, 429, "they share the count");

        let mut browser = Browser::new(&app(&site, LoginView::new().without_throttle()));
        for _ in 0..20 {
            assert_eq!(try_password(&mut browser, "alice", "wrong").await.0, 200);
        }
    })
    .await;
}

/// Sixty wrong passwords at the same time: some are checked, the others are refused at once, and whoever
/// comes after them does not wait for sixty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_logins_is_refused_beyond_the_queue() {
    within(async {
        let site = TestSite::new();
        let one = NonZeroUsize::MIN;
        let slow = std::num::NonZeroU32::new(20_000).expect("more than none");
        let hashers = quick().pbkdf2_iterations(slow).max_hashes(one, 4);
        let site = TestSite {
            site: site.site.clone().password_hashers(hashers),
            ..site
        };
        site.add_user("alice", "secret").await;
        let app = app(&site, LoginView::new().without_throttle());
        let mut browser = Browser::new(&app);
        browser.token("/login/").await;
        let cookies = browser.cookies.clone();
        let attacks: Vec<_> = (0..60)
            .map(|_| {
                let mut browser = Browser::new(&app);
                browser.cookies.clone_from(&cookies);
                tokio::spawn(async move { try_password(&mut browser, "alice", "wrong").await })
            })
            .collect();
        let (mut checked, mut refused) = (0, 0);
        for attack in attacks {
            match attack.await.expect("no panic") {
                (200, None) => checked += 1,
                (503, Some(1)) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(checked >= 5, "{checked}");
        assert!(refused >= 30, "{refused} of {checked}");
        assert_eq!(try_password(&mut browser, "alice", "secret").await.0, 303);
    })
    .await;
}

/// Handlers that block occupy the runtime's blocking threads.
#[test]
fn a_login_does_not_wait_for_blocking_handlers() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    let (end, ended) = std::sync::mpsc::channel::<()>();
    runtime.block_on(within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        tokio::task::spawn_blocking(move || ended.recv());
        let user = site.site.authenticate("alice", "secret").await;
        assert!(user.expect("an answer").is_some());
        drop(end);
    }));
}
