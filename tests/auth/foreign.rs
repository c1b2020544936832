//! Sessions that a site wrote in a way that this crate does not understand: nothing of them is lost.

use std::time::{Duration, SystemTime};

use channels::prelude::*;
use channels::{
    InMemoryUserStore, SecretKeys, SessionCookie, SessionStore as _, SignedCookieStore, Site,
};
use http::header;

use super::logs::Logs;
use super::support::within;
use super::{Browser, TestSite, ask};

/// What Django writes for the key of [`TestSite`], each signed correctly. Pickles hold the login of user
/// 1.
const FOREIGN: [(&str, &str); 7] = [
    (
        "a pickle, compressed",
        ".eJxrYJlawAABtVM0enjjE0tLMuJLi1OL4jNTpvQwGk7pEUISS0pMzk7NA0popmQl5qXn6yXn55UUZSbpgZToQWWL9XzzU1JznGBq-ZEMyEgszgAaWzGlVA8AdfUtrQ:1xYBtp:E_g46vWglQPH6hy0Aq1gofPW7HAjK78AqsqpQ5Jd5MY",
    ),
    (
        "a pickle",
        "gASVCgAAAAAAAAB9lIwBYZRLAXMu:1xYBtp:3dbLpRhYbnFQnU0oWisXrgApu_YK6OP8y47IhzVBlYE",
    ),
    (
        "a list",
        "WzEsMl0:1xYBtp:C1J39h8rsjDefH46gbX0riCcLoty5vmkA_O-jhs-Jm4",
    ),
    (
        "a text",
        "InRleHQi:1xYBtp:HEztCyCKUit9ofi0mUkg1uopefbRXSY71nuvfRV0ZDM",
    ),
    (
        "null",
        "bnVsbA:1xYBtp:tdT6I_eXrhnUbNTmJs3YEYg5ZrOP30Hwo-njmakHYO8",
    ),
    (
        "another compression",
        "._Td6WFoAAATm1rRGAgAhARYAAAB0L-WjAQAGeyJhIjoxfQAAdJMZsZd-H60AAR8HFi64cx-2830BAAAAAARZWg:1xYBtp:Y8WsrYlRbtXMWs0F1cx7xZa9dtoixP9C9WY1ua15_fU",
    ),
    (
        "half of an object",
        "eyJhIjo:1xYBtp:HOEiVbtGRKosNQXc4ewbO88ENFwiJ9B439U_TTnLWL8",
    ),
];

/// The same pickle in a cookie.
const COOKIE: &str = ".eJxrYJlawAABtVM0enjjE0tLMuJLi1OL4jNTpvQwGk7pEUISS0pMzk7NA0popmQl5qXn6yXn55UUZSbpgZToQWWL9XzzU1JznGBq-ZEMyEgszgAaWzGlVA8AdfUtrQ:1xYBtp:-QPJZKhqfLBeUQNFEWFZySLqqUSOcQv1JyTPRH66RZY";

/// `{"value":"x"}`, signed with another key.
const OTHER_KEY: &str = "eyJ2YWx1ZSI6IngifQ:1xYBtp:I_F4mpJIQ62fqIYkqfKoLOsvEnoTZ1rK8Sk30L4XU8w";

/// A browser whose session is this text.
async fn browser_of(site: &TestSite, text: &str) -> (Browser, String) {
    let later = SystemTime::now() + Duration::from_secs(3600);
    let key = site.sessions.create(text, later).await.expect("a key");
    let mut browser = Browser::new(&site.app());
    browser.cookies.insert("sessionid".into(), key.clone());
    (browser, key)
}

#[tokio::test]
async fn a_session_of_another_format_is_anonymous_and_stays_as_it_is() {
    within(async {
        for (name, text) in FOREIGN {
            let site = TestSite::new();
            site.add_user("alice", "secret").await;
            let (mut browser, key) = browser_of(&site, text).await;
            let logs = Logs::start();

            let mut socket = browser.open("/ws/?who").await;
            assert_eq!(ask(&mut socket, "who").await, "[]", "{name}");
            assert_eq!(ask(&mut socket, "again").await, "[]", "{name}");
            assert_eq!(browser.text("/who/").await, "", "{name}");
            let logged = logs.count("session cannot be read");
            assert!((1..=10).contains(&logged), "{name}: {logged}");

            // What would overwrite it fails: in `connect`, in a handler, on a page.
            let denied = browser.socket("/ws/?visit").connect().await;
            denied.expect_err("nothing can be saved");
            let page = browser.get("/keep/a/").await;
            assert_eq!(page.status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
            assert!(!page.headers().contains_key(header::SET_COOKIE), "{name}");
            socket.send("value=b").await.expect("sent");
            socket.closed().await.expect("an end");

            assert_eq!(browser.session_key(), Some(&*key), "{name}");
            let row = site.sessions.load(&key).await.expect("an answer");
            assert_eq!(row.as_deref(), Some(text), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn lines_about_such_sessions_come_at_a_bounded_rate() {
    within(async {
        let site = TestSite::new();
        let (mut browser, _) = browser_of(&site, FOREIGN[0].1).await;
        let logs = Logs::start();
        for _ in 0..100 {
            browser.get("/who/").await;
        }
        let lines = logs.count("session cannot be read");
        assert!((10..=20).contains(&lines), "{lines}");
    })
    .await;
}

/// A person who logs in, or out, says what becomes of the session.
#[tokio::test]
async fn logging_in_begins_another_session_and_leaves_such_a_one() {
    within(async {
        for (name, text) in FOREIGN.into_iter().chain([("another key", OTHER_KEY)]) {
            let site = TestSite::new();
            site.add_user("alice", "secret").await;
            let (mut browser, key) = browser_of(&site, text).await;
            let status = browser.log_in("alice", "secret").await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{name}");
            assert_eq!(browser.text("/who/").await, "alice", "{name}");
            assert_ne!(browser.session_key(), Some(&*key), "{name}");
            let row = site.sessions.load(&key).await.expect("an answer");
            assert_eq!(row.as_deref(), Some(text), "{name}");

            browser.cookies.insert("sessionid".into(), key.clone());
            assert_eq!(browser.log_out().await, StatusCode::SEE_OTHER, "{name}");
            let row = site.sessions.load(&key).await.expect("an answer");
            assert_eq!(row, None, "{name}: whoever logs out is logged out");
        }
    })
    .await;
}

/// It may be the site's, which has another key by mistake; or an old one of this program.
#[tokio::test]
async fn a_session_of_another_key_reads_as_empty_and_is_not_overwritten() {
    within(async {
        let site = TestSite::new();
        let (mut browser, key) = browser_of(&site, OTHER_KEY).await;
        let logs = Logs::start();
        assert_eq!(browser.text("/keep/nothing/").await, "");
        assert!(logs.count("none of the secret keys signed it") > 0);
        assert_eq!(browser.session_key(), Some(&*key), "reading leaves it");
        assert_eq!(browser.text("/keep/a/").await, "");
        assert_ne!(browser.session_key(), Some(&*key), "a new one");
        assert_eq!(browser.text("/keep/nothing/").await, "a");
        let row = site.sessions.load(&key).await.expect("an answer");
        assert_eq!(row.as_deref(), Some(OTHER_KEY));
    })
    .await;
}

#[tokio::test]
async fn a_cookie_of_another_format_stays() {
    within(async {
        let cookie = |years: u64| {
            let mut cookie = SessionCookie::default();
            cookie.age = Duration::from_secs(years * 365 * 24 * 60 * 60);
            cookie
        };
        let keys = SecretKeys::new("a key for tests");
        let store = SignedCookieStore::new(&cookie(100));
        let site = Site::new(keys, store, InMemoryUserStore::default()).session_cookie(cookie(100));
        let mut browser = Browser::new(&TestSite::new().app().site(site));
        browser.cookies.insert("sessionid".into(), COOKIE.into());
        assert_eq!(browser.text("/who/").await, "");
        let page = browser.get("/keep/a/").await;
        assert_eq!(page.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let mut socket = browser.open("/ws/?who").await;
        assert_eq!(ask(&mut socket, "who").await, "[]");
        assert_eq!(browser.session_key(), Some(COOKIE));
    })
    .await;
}

/// It may be in a cache, or in files, that only the site reads.
#[tokio::test]
async fn a_cookie_whose_session_is_not_in_the_store_stays() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        let key = "keyofacachedsession0000000000000";
        browser.cookies.insert("sessionid".into(), key.into());
        assert_eq!(browser.text("/who/").await, "");
        assert_eq!(browser.text("/keep/nothing/").await, "");
        let mut socket = browser.open("/ws/?who").await;
        assert_eq!(ask(&mut socket, "who").await, "[]");
        assert_eq!(browser.session_key(), Some(key));
    })
    .await;
}

/// A user model with its own `get_session_auth_hash`: the site's hashes match none of ours.
#[tokio::test]
async fn a_login_with_a_hash_of_another_kind_is_anonymous_and_stays() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.log_in("alice", "secret").await;
        let key = browser.session_key().expect("a key").to_owned();
        // To this program, a changed password looks the same.
        let changed = site.site.set_password(&alice, "newer").await;
        changed.expect("a password");
        let before = site.sessions.load(&key).await.expect("an answer");
        let logs = Logs::start();
        for _ in 0..30 {
            let mut socket = browser.open("/ws/?who").await;
            assert_eq!(ask(&mut socket, "again").await, "[]");
            assert_eq!(browser.text("/who/").await, "");
        }
        let lines = logs.count("session auth hash does not match");
        assert!((10..=20).contains(&lines), "{lines}");
        assert_eq!(browser.session_key(), Some(&*key));
        assert_eq!(site.sessions.load(&key).await.expect("an answer"), before);

        browser.log_in("alice", "newer").await;
        assert_eq!(browser.text("/who/").await, "alice");
        assert_ne!(browser.session_key(), Some(&*key));
        assert_eq!(site.sessions.load(&key).await.expect("an answer"), before);
    })
    .await;
}

#[tokio::test]
async fn doubles_come_back_from_a_session_as_they_were() {
    within(async {
        let site = TestSite::new();
        let session = site.site.session(None);
        let mut random = fastrand::Rng::with_seed(30);
        for _ in 0..1000 {
            let numbers: Vec<f64> = std::iter::repeat_with(|| f64::from_bits(random.u64(..)))
                .filter(|number| number.is_finite())
                .chain([1_733_011_200.123_456_7, 0.1 + 0.2, f64::MIN_POSITIVE, -0.0])
                .take(20)
                .collect();
            session.insert("numbers", &numbers).await.expect("inserted");
            session.save().await.expect("saved");
            let key = session.key().await.expect("a key");
            let again = site.site.session(key.as_deref());
            let read = again.get::<Vec<f64>>("numbers").await.expect("an answer");
            let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect();
            let (read, written): (Vec<_>, Vec<_>) = (bits(&read.expect("numbers")), bits(&numbers));
            assert_eq!(read, written, "{numbers:?}");
        }
    })
    .await;
}
