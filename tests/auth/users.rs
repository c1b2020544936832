//! Who is logged in.

use channels::prelude::*;
use channels::{SecretKeys, Site, UserStore as _};

use super::support::within;
use super::{Browser, TestSite, ask};

#[tokio::test]
async fn a_user_is_looked_up_once_and_again_on_demand() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        assert_eq!(
            browser.log_in("alice", "secret").await,
            StatusCode::SEE_OTHER
        );
        site.queries();
        let mut socket = browser.open("/ws/?who").await;
        assert_eq!(site.queries(), (1, 1));
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
        assert_eq!(site.queries(), (0, 0));
        assert_eq!(ask(&mut socket, "again").await, "[alice]");
        assert_eq!(site.queries(), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_login_moves_the_session_to_a_new_key() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.get("/keep/a/").await;
        let before = browser.session_key().expect("a key").to_owned();
        browser.log_in("alice", "secret").await;
        let after = browser.session_key().expect("a key").to_owned();
        assert_ne!(before, after);
        assert_eq!(
            browser.text("/keep/nothing/").await,
            "a",
            "its data go along"
        );
        browser.cookies.insert("sessionid".into(), before);
        assert_eq!(browser.text("/who/").await, "", "the old key is nobody's");
    })
    .await;
}

#[tokio::test]
async fn another_user_gets_nothing_of_the_first_ones_session() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        site.add_user("bob", "hidden").await;
        let mut browser = Browser::new(&site.app());
        browser.log_in("alice", "secret").await;
        browser.get("/keep/private/").await;
        assert_eq!(browser.log_in("bob", "hidden").await, StatusCode::SEE_OTHER);
        assert_eq!(browser.text("/who/").await, "bob");
        assert_eq!(browser.text("/keep/nothing/").await, "");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_let_in_who_may_not() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let inactive = channels::UserRecord {
            username: "gone".into(),
            password: site
                .add_user("twin", "secret")
                .await
                .record()
                .expect("a row")
                .password
                .clone(),
            is_active: false,
            ..channels::UserRecord::default()
        };
        site.users.create_user(&inactive).await.expect("a new user");
        let mut browser = Browser::new(&site.app());
        for (name, password) in [
            ("alice", "Secret"),
            ("alice", ""),
            ("Alice", "secret"),
            ("alice ", "secret"),
            ("nobody", "secret"),
            ("gone", "secret"),
            ("", ""),
        ] {
            let status = browser.log_in(name, password).await;
            assert_eq!(status, StatusCode::OK, "the form again for {name:?}");
            assert_eq!(browser.session_key(), None);
            assert_eq!(browser.text("/who/").await, "");
        }
        assert_eq!(
            browser.log_in("alice", "secret").await,
            StatusCode::SEE_OTHER
        );
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.log_in("alice", "secret").await;
        let key = browser.session_key().expect("a key").to_owned();
        site.site
            .set_password(&alice, "newer")
            .await
            .expect("a password");
        assert_eq!(browser.text("/who/").await, "");
        let mut socket = browser.open("/ws/?who").await;
        assert_eq!(ask(&mut socket, "who").await, "[]");
        // Django deletes it, and so do Channels. A site may make its hashes in another way.
        assert_eq!(browser.session_key(), Some(&*key), "the cookie stays");
        let row = channels::SessionStore::load(&site.sessions, &key).await;
        assert!(row.expect("an answer").is_some(), "the row stays");
        let stale = site.site.set_password(&alice, "newest").await;
        assert_eq!(
            stale.expect_err("changed meanwhile").kind(),
            ErrorKind::Conflict
        );
        assert_eq!(
            browser.log_in("alice", "newer").await,
            StatusCode::SEE_OTHER
        );
    })
    .await;
}

/// Channels forgets the fallbacks: its handshakes log such users out of the whole site.
#[tokio::test]
async fn a_new_secret_key_logs_nobody_out() {
    within(async {
        let old = TestSite::with(SecretKeys::new("the old key"));
        old.add_user("alice", "secret").await;
        let mut browser = Browser::new(&old.app());
        browser.log_in("alice", "secret").await;
        let key = browser.session_key().expect("a key").to_owned();

        let keys = SecretKeys::new("the new key").fallback("the old key");
        let new = TestSite {
            site: Site::new(keys, old.sessions.clone(), old.users.clone()),
            ..old.clone()
        };
        browser.app = new.app();
        let mut socket = browser.open("/ws/?who").await;
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
        assert_eq!(
            browser.session_key(),
            Some(&*key),
            "a socket leaves it as it is"
        );
        assert_eq!(browser.text("/who/").await, "alice");
        assert_ne!(browser.session_key(), Some(&*key), "an answer renews it");

        let only = TestSite {
            site: Site::new(
                SecretKeys::new("the new key"),
                old.sessions.clone(),
                old.users.clone(),
            ),
            ..old
        };
        browser.app = only.app();
        assert_eq!(
            browser.text("/who/").await,
            "alice",
            "it is the new key's now"
        );
    })
    .await;
}

#[tokio::test]
async fn a_weak_password_is_hashed_anew_when_its_user_logs_in() {
    within(async {
        let site = TestSite::new();
        let alice = site.add_user("alice", "secret").await;
        let more = std::num::NonZeroU32::new(200).expect("more than none");
        let stronger = TestSite {
            site: site
                .site
                .clone()
                .password_hashers(super::quick().pbkdf2_iterations(more)),
            ..site
        };
        let mut browser = Browser::new(&stronger.app());
        assert_eq!(
            browser.log_in("alice", "secret").await,
            StatusCode::SEE_OTHER
        );
        assert_eq!(browser.text("/who/").await, "alice");
        let row = stronger
            .users
            .by_username("alice")
            .await
            .expect("an answer");
        let password = row.expect("a row").password;
        assert!(password.starts_with("pbkdf2_sha256$200$"), "{password}");
        assert_ne!(
            Some(&password),
            alice.record().map(|record| &record.password)
        );
    })
    .await;
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    within(async {
        let site = TestSite::new().site;
        let long = "x".repeat(151);
        for name in ["", "a b", "a\n", "a/b", "<script>", &long] {
            let error = site.create_user(name, "secret").await.expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Name, "{error}");
        }
        site.create_user("al.ice+é@x_-", "secret")
            .await
            .expect("a user");
        let again = site.create_user("al.ice+é@x_-", "secret").await;
        assert_eq!(again.expect_err("taken").kind(), ErrorKind::Conflict);
    })
    .await;
}
