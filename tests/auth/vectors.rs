//! What Django itself found in its own database, and what its `login` and `logout` left there.

use std::path::Path;

use channels::prelude::*;
use channels::{
    AuthMiddlewareStack, CsrfMiddleware, Database, Middleware, SecretKeys, SessionStore as _, Site,
    UserStore as _,
};
use serde_json::Value;

use super::support::within;
use super::{Browser, Who, ask, quick, sockets};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../interop/django_db.json")).expect("JSON")
}

/// A fresh copy of the database that Django made.
struct Copy {
    database: Database,
    app: ProtocolTypeRouter,
    _directory: tempfile::TempDir,
}

impl Copy {
    fn new(has_fallback: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("db.sqlite3");
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/django.sqlite3");
        std::fs::copy(original, &file).expect("a copy");
        let database = Database::open(&format!("sqlite://{}", file.display())).expect("a database");
        let vectors = vectors();
        let secret = |name: &str| vectors[name].as_str().expect("a text").to_owned();
        let mut keys = SecretKeys::new(secret("secret"));
        if has_fallback {
            keys = keys.fallback(secret("old_secret"));
        }
        let site = Site::new(keys, database.clone(), database.clone()).password_hashers(quick());
        let users = database.clone();
        let pages = URLRouter::new().path("who/", Who::app()).path(
            "act/<str:action>/",
            Act::app_with(move |_| Act(users.clone())),
        );
        let app = ProtocolTypeRouter::new()
            .channel_layer(InMemoryChannelLayer::new())
            .site(site)
            .http(CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages)))
            .websocket(AuthMiddlewareStack::new(sockets()));
        Self {
            database,
            app,
            _directory: directory,
        }
    }

    fn browser(&self, key: &Value) -> Browser {
        let mut browser = Browser::new(&self.app);
        if let Some(key) = key.as_str() {
            browser.cookies.insert("sessionid".into(), key.into());
        }
        browser
    }

    async fn has_row(&self, key: &str) -> bool {
        self.database.load(key).await.expect("an answer").is_some()
    }
}

/// Logs alice in, or out whoever it is.
#[consumer(http)]
struct Act(Database);

#[consumer]
impl Act {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        if http.url_kwarg::<String>("action")? == "logout" {
            http.logout().await?;
        } else {
            let alice = self.0.by_username("alice").await?;
            http.login(&alice.expect("a user").into()).await?;
        }
        http.send_response(StatusCode::OK, "").await
    }
}

#[tokio::test]
async fn users_are_found_as_by_django() {
    let vectors = vectors();
    let cases = vectors["get_user"].as_array().expect("a list");
    assert_eq!(cases.len(), 37);
    for case in cases {
        for has_fallback in [false, true] {
            let found = match &case["fallbacks_old"] {
                Value::Object(_) if has_fallback => &case["fallbacks_old"]["django_get_user"],
                _ => &case["no_fallbacks"]["django_get_user"],
            };
            within(compare(case, found, has_fallback)).await;
        }
    }
}

async fn compare(case: &Value, found: &Value, has_fallback: bool) {
    let name = case["name"].as_str().expect("a name");
    // These two were good when Django was asked, for a moment. Where Django raises, nobody is there.
    let has_expired = matches!(name, "expiresin1s" | "expirespast1us");
    let user = match found["user"]["username"].as_str() {
        Some(user) if !has_expired => user,
        _ => "",
    };
    // Django deletes a session whose hash does not match. Here only a session that is renewed ends.
    let is_deleted = found["row"] == "deleted" && !user.is_empty();
    let key = &case["session_key"];

    let copy = Copy::new(has_fallback);
    let had_row = copy.has_row(key.as_str().unwrap_or_default()).await;
    let mut socket = copy.browser(key).open("/ws/").await;
    assert_eq!(ask(&mut socket, "who").await, format!("[{user}]"), "{name}");
    // A socket cannot tell its browser of a new key: it leaves the old one.
    let row_left = copy.has_row(key.as_str().unwrap_or_default()).await;
    assert_eq!(row_left, had_row, "{name}");

    let copy = Copy::new(has_fallback);
    let mut browser = copy.browser(key);
    assert_eq!(browser.text("/who/").await, user, "{name}");
    let row_left = copy.has_row(key.as_str().unwrap_or_default()).await;
    assert_eq!(row_left, had_row && !is_deleted, "{name}");
    if is_deleted {
        let new = browser.session_key().expect("a session").to_owned();
        assert_ne!(Some(&*new), key.as_str(), "{name}");
        assert_eq!(browser.text("/who/").await, user, "{name}");
    }
}

#[tokio::test]
async fn logging_in_and_out_leaves_what_django_leaves() {
    let vectors = vectors();
    let cases = vectors["login_logout"].as_array().expect("a list");
    assert_eq!(cases.len(), 14);
    for case in cases {
        within(act(case)).await;
    }
}

async fn act(case: &Value) {
    let copy = Copy::new(true);
    let key = &case["starting_session"];
    let left = &case["channels"];
    assert_eq!(case["django"], "same");
    let user = left["user"]["username"].as_str().unwrap_or_default();
    let action = case["action"].as_str().expect("a text");
    let mut browser = copy.browser(key);
    let last_login = async || {
        let alice = copy.database.by_username("alice").await.expect("an answer");
        alice.expect("a user").last_login
    };
    let before = last_login().await;
    browser
        .get(&format!("/act/{}/", action.replace(' ', "-")))
        .await;

    assert_eq!(browser.text("/who/").await, user, "{case}");
    assert_eq!(
        last_login().await != before,
        left["last_login_written"] == true,
        "{case}"
    );
    if let Some(key) = key.as_str() {
        // An expired row is there still, or is not: nobody can see it.
        let kept = left["row"] == "kept" && !key.starts_with("expired");
        // Django deletes a login whose hash does not match; here the new one leaves it.
        let kept = kept || (action != "logout" && key.starts_with("pwchanged"));
        assert_eq!(copy.has_row(key).await, kept, "{case}");
    }
    let has_new = left["rows_after_save"]
        .as_object()
        .is_some_and(|rows| !rows.is_empty());
    match (browser.session_key(), key.as_str()) {
        (None, _) => assert_eq!(user, "", "{case}"),
        (new, old) => assert_eq!(new != old, has_new, "{case}"),
    }
}
