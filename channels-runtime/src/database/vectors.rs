//! What Django and this crate do with the same SQLite file.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::Request;
use serde_json::Value;

use super::statement::column;
use super::*;
use crate::auth::{PasswordHashers, Renewal, Site, User, UserStore};
use crate::session::{SecretKeys, Session, SessionData, SessionStore, StoreFuture};
use crate::{Scope, UserRecord};

fn vectors() -> Value {
    let vectors = include_str!("../../../tests/interop/django_db.json");
    serde_json::from_str(vectors).expect("JSON")
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().expect("a text")
}

/// Django's file as of the moment when its tests ran.
#[derive(Clone, Debug)]
struct Pinned {
    database: Database,
    now: SystemTime,
}

impl SessionStore for Pinned {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            let found = self.database.sessions(&[key], self.now).await?;
            Ok(found.into_iter().next().map(|(_, text)| text))
        })
    }

    fn create<'a>(&'a self, text: &'a str, expires: SystemTime) -> StoreFuture<'a, String> {
        self.database.create(text, expires)
    }

    fn save<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        expires: SystemTime,
    ) -> StoreFuture<'a, Option<String>> {
        self.database.save(key, text, expires)
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        self.database.delete(key)
    }

    fn clear_expired(&self) -> StoreFuture<'_, u64> {
        self.database.clear_expired()
    }
}

/// A fresh copy of the file.
struct Copy {
    path: PathBuf,
    database: Database,
    site: Site,
}

impl Copy {
    fn new(vectors: &Value, has_fallback: bool) -> Self {
        let name = format!(
            "django-{}",
            crate::session::new_session_key().expect("a key")
        );
        let path = std::env::temp_dir().join(name);
        let file = include_bytes!("../../../tests/interop/django.sqlite3");
        fs::write(&path, file).expect("a file");
        let database = Database::open(&format!("sqlite://{}", path.display())).expect("a URL");
        let clock = vectors["clock"].as_u64().expect("a number");
        let sessions = Pinned {
            database: database.clone(),
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(clock),
        };
        let mut keys = SecretKeys::new(text(vectors, "secret"));
        if has_fallback {
            keys = keys.fallback(text(vectors, "old_secret"));
        }
        let cheap = NonZeroU32::new(1000).expect("not zero");
        let site = Site::new(keys, sessions, database.clone())
            .password_hashers(PasswordHashers::default().pbkdf2_iterations(cheap));
        Self {
            path,
            database,
            site,
        }
    }

    fn session(&self, key: Option<&str>) -> Session {
        let mut request = Request::builder();
        if let Some(key) = key {
            request = request.header("cookie", format!("sessionid={key}"));
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let scope = Scope::from_parts_lossy(&mut parts);
        Session::of_request(self.site.engine().clone(), &scope)
    }

    /// The data of all rows.
    async fn rows(&self) -> BTreeMap<String, String> {
        let sql = "SELECT session_key, session_data FROM django_session";
        let rows = self.database.fetch(sql, &[]).await.expect("rows");
        rows.iter()
            .map(|row| {
                let text: String = column(row, 1).expect("a text");
                let data = self.site.engine().readable(&text);
                let data = data.map_or_else(|| text.clone(), |data| data.to_json());
                (column(row, 0).expect("a text"), data)
            })
            .collect()
    }

    /// Whether Django overwrites or deletes a session that it does not understand, and this crate leaves
    /// it unchanged: one that its keys did not sign, and a login whose hash does not match.
    fn is_left_alone(before: &Rows, key: Option<&str>, expected: &Value) -> bool {
        let Some(data) = key.and_then(|key| before.get(key)) else {
            return false;
        };
        let is_login = data.contains("_auth_user_hash") || data.contains("_auth_user_id");
        let is_flushed = expected["row"] == "deleted" && expected["user"].is_null();
        !data.starts_with('{')
            || (is_login && is_flushed && expected["last_login_written"].is_null())
    }

    /// What became of a session.
    async fn check(&self, before: &Rows, key: Option<&str>, session: &Session, expected: &Value) {
        let after = self.rows().await;
        let is_there = |rows: &Rows| key.is_some_and(|key| rows.contains_key(key));
        let row = match (is_there(before), is_there(&after)) {
            (false, _) => "absent",
            (true, true) => "kept",
            (true, false) => "deleted",
        };
        if Self::is_left_alone(before, key, expected) {
            assert_eq!(row, "kept");
            return;
        }
        // A login whose hash does not match stays, though the same user begins another session.
        let is_stale = key.is_some_and(|key| key.starts_with("pwchanged"));
        let is_login = expected["last_login_written"] == true;
        let expected_row = if is_stale && is_login {
            "kept"
        } else {
            text(expected, "row")
        };
        assert_eq!(row, expected_row);
        let data = session.read(SessionData::to_json).await.expect("the data");
        let data = data.expect("a session that can be read");
        assert_eq!(data, text(expected, "data_in_memory_json"));
        let now = session.key().await.expect("the key");
        let made = data_of(&expected["new_rows"]);
        if made == ["{}"] {
            // Django makes an empty row, to be overwritten with the login. Here the row is made with
            // the login in it.
            assert_eq!(new(before, &after), [""; 0]);
            assert_eq!(now, None);
            return;
        }
        assert_eq!(new(before, &after), made);
        let expected = expected["session_key_after"].as_str();
        match now {
            // Its name is by chance.
            Some(now) if !made.is_empty() => assert!(!before.contains_key(&now)),
            now => assert_eq!(now.as_deref(), expected),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", self.path.display()));
        }
    }
}

type Rows = BTreeMap<String, String>;

/// The data of the rows that were not there before.
fn new(before: &Rows, after: &Rows) -> Vec<String> {
    let new = after.iter().filter(|(key, _)| !before.contains_key(*key));
    new.map(|(_, data)| data.clone()).collect()
}

fn data_of(rows: &Value) -> Vec<String> {
    let rows = rows.as_object().expect("an object").values();
    rows.map(|data| data.as_str().expect("JSON").to_owned())
        .collect()
}

fn assert_is(user: &User, expected: &Value) {
    let id = expected["id"].as_u64().map(|id| id.to_string());
    assert_eq!(user.id(), id.as_deref());
    let username = expected["username"].as_str().unwrap_or_default();
    assert_eq!(user.username(), username);
}

#[tokio::test]
async fn users_of_sessions_are_djangos() {
    let vectors = vectors();
    let cases = vectors["get_user"].as_array().expect("a list");
    assert_eq!(cases.len(), 37);
    for case in cases {
        for (name, has_fallback) in [("no_fallbacks", false), ("fallbacks_old", true)] {
            let expected = match &case[name] {
                Value::String(same) if same == "same" => &case["no_fallbacks"],
                other => other,
            };
            // Seen where it fails.
            eprintln!("{} {name}", case["name"]);
            is_djangos(&vectors, case, &expected["django_get_user"], has_fallback).await;
        }
    }
}

async fn is_djangos(vectors: &Value, case: &Value, expected: &Value, has_fallback: bool) {
    let key = case["session_key"].as_str();
    let copy = Copy::new(vectors, has_fallback);
    let before = copy.rows().await;
    let session = copy.session(key);
    let user = copy.site.find_user(&session, Renewal::Now).await;
    let user = user.expect("an answer");
    if expected["raises"].is_string() {
        // Django answers 500. It is nobody's session, and is left as it is.
        assert!(!user.is_authenticated());
        assert_eq!(copy.rows().await, before);
        return;
    }
    assert_is(&user, &expected["user"]);
    copy.check(&before, key, &session, expected).await;

    // A socket cannot renew a login, and needs not: it knows the same user.
    let copy = Copy::new(vectors, has_fallback);
    let user = copy.site.user_of(&copy.session(key)).await;
    assert_is(&user.expect("an answer"), &expected["user"]);
    // Django deletes the row where the hash does not match. Here it is unchanged.
    assert_eq!(copy.rows().await, before);
}

#[tokio::test]
async fn logins_and_logouts_are_djangos() {
    let vectors = vectors();
    let cases = vectors["login_logout"].as_array().expect("a list");
    assert_eq!(cases.len(), 14);
    for case in cases {
        let (action, key) = (text(case, "action"), case["starting_session"].as_str());
        // Seen where it fails.
        eprintln!("{action} {key:?}");
        assert_eq!(case["django"], "same");
        assert_eq!(case["fallbacks"][0], vectors["old_secret"]);
        let expected = &case["channels"];
        let copy = Copy::new(&vectors, true);
        let before = copy.rows().await;
        let session = copy.session(key);
        let alice = by_name(&copy, "alice").await;
        let done = match action {
            "logout" => copy.site.logout(&session).await,
            _ => copy.site.login(&session, &alice.clone().into()).await,
        };
        done.expect("an answer");
        copy.check(&before, key, &session, expected).await;
        let logged_in = by_name(&copy, "alice").await.last_login != alice.last_login;
        assert_eq!(expected["last_login_written"], logged_in);

        session.save().await.expect("an answer");
        let saved = copy.rows().await;
        assert_eq!(new(&before, &saved), data_of(&expected["rows_after_save"]));
        let user = copy.site.user_of(&session).await.expect("an answer");
        assert_is(&user, &expected["user"]);
    }
}

#[tokio::test]
async fn passwords_are_djangos() {
    let vectors = vectors();
    let copy = Copy::new(&vectors, false);
    for (name, may) in [("alice", true), ("bob", false), ("root", true)] {
        let before = by_name(&copy, name).await;
        let password = text(&vectors["passwords"], name);
        let wrong = copy.site.authenticate(name, "wrong").await;
        assert!(wrong.expect("an answer").is_none());
        let right = copy.site.authenticate(name, password).await;
        assert_eq!(right.expect("an answer").is_some(), may);
        let after = by_name(&copy, name).await;
        if name == "root" {
            let expected = &vectors["password_upgrade_on_check"];
            let algorithm = after.password.split('$').next();
            assert_eq!(algorithm, expected["column_rewritten_as"].as_str());
            assert_eq!(
                expected["auth_hash_changed"],
                before.password != after.password
            );
        }
    }
}

async fn by_name(copy: &Copy, name: &str) -> UserRecord {
    let found = copy.database.by_username(name).await;
    found.expect("an answer").expect("the user")
}
