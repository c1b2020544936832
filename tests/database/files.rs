//! SQLite files: new ones, Django's, and those that are no good.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use channels::{Database, ErrorKind, SessionStore, UserRecord, UserStore};
use serde_json::Value;
use sqlx::Executor as _;

use super::databases::{connect, execute, rows};
use super::process::Folder;
use super::support::within;

const VECTORS: &str = include_str!("../interop/django_db.json");
const DJANGOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/django.sqlite3");

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

fn open(path: &Path) -> Database {
    Database::open(&url(path)).expect("a URL")
}

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

/// Everything but the numbers of SQLite's pages.
async fn schema(path: &Path) -> BTreeSet<Vec<String>> {
    let query = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master";
    rows(&url(path), query).await.into_iter().collect()
}

#[tokio::test]
async fn a_new_one_is_what_djangos_migrations_make() {
    let folder = Folder::new();
    let path = folder.path().join("new.sqlite3");
    let database = open(&path);
    assert!(!path.exists(), "made before its first use");
    assert!(
        within(database.by_id("1"))
            .await
            .expect("an answer")
            .is_none()
    );

    let made = schema(&path).await;
    assert_eq!(made, schema(Path::new(DJANGOS)).await);
    assert_eq!(made.len(), 26);
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let tables = vectors["sqlite_tables"].as_array().expect("a list");
    assert_eq!(tables.len(), 3);
    for table in tables {
        assert!(made.iter().any(|row| row[3] == *table), "{table}");
    }
    let migrations = "SELECT app, name FROM django_migrations ORDER BY id";
    let applied = rows(&url(&path), migrations).await;
    assert_eq!(applied, rows(&url(Path::new(DJANGOS)), migrations).await);
    assert_eq!(applied.len(), 15);
    let journal = rows(&url(&path), "PRAGMA journal_mode").await;
    assert_eq!(journal, [["wal"]]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = fs::metadata(&path).expect("the file").permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_new_one_is_made_once() {
    let folder = Folder::new();
    let path = folder.path().join("new.sqlite3");
    // As several processes would, each with several connections.
    let tasks: Vec<_> = (0..4)
        .map(|_| open(&path))
        .flat_map(|database| vec![database; 4])
        .map(|database| tokio::spawn(async move { database.create("text", later()).await }))
        .collect();
    for task in tasks {
        within(task).await.expect("no task panics").expect("a key");
    }
    let count = rows(
        &url(&path),
        "SELECT CAST(count(*) AS text) FROM django_session",
    )
    .await;
    assert_eq!(count, [["16"]]);
    let count = rows(
        &url(&path),
        "SELECT CAST(count(*) AS text) FROM django_migrations",
    )
    .await;
    assert_eq!(count, [["15"]]);
}

#[tokio::test]
async fn a_path_may_have_any_characters() {
    let folder = Folder::new();
    let name = "Größe #1 100%.sqlite3";
    let encoded = folder.path().join("Größe #1 100%25.sqlite3");
    within(open(&encoded).by_id("1")).await.expect("an answer");
    assert!(folder.path().join(name).exists());
}

#[tokio::test]
async fn rows_are_as_django_writes_them() {
    let folder = Folder::new();
    let path = folder.path().join("django.sqlite3");
    fs::copy(DJANGOS, &path).expect("a copy");
    let before = schema(&path).await;
    let database = open(&path);
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(4_102_444_800_000_001);
    let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    let key = within(database.create("text", at)).await.expect("a key");
    let query = |key: &str| {
        format!(
            "SELECT session_data, CAST(expire_date AS text), typeof(expire_date) \
             FROM django_session WHERE session_key = '{key}'"
        )
    };
    let row = rows(&url(&path), &query(&key)).await;
    assert_eq!(row, [["text", "2100-01-01 00:00:00.000001", "text"]]);
    within(database.save(&key, "other", whole))
        .await
        .expect("an answer");
    let row = rows(&url(&path), &query(&key)).await;
    assert_eq!(row, [["other", "2100-01-01 00:00:00", "text"]]);

    let user = UserRecord {
        username: "carol".into(),
        is_staff: true,
        ..UserRecord::default()
    };
    let id = within(database.create_user(&user)).await.expect("a key");
    assert_eq!(id, "5");
    let query = "SELECT typeof(id), typeof(last_login), typeof(date_joined), \
                 typeof(is_staff) || is_staff || is_active, (date_joined LIKE '____-__-__ __:__:__%') \
                 || '' FROM auth_user WHERE username = 'carol'";
    let row = rows(&url(&path), query).await;
    assert_eq!(row, [["integer", "null", "text", "integer10", "1"]]);
    assert_eq!(schema(&path).await, before);
    // How a file is written is noted in it, for all who open it.
    let journal = rows(&url(&path), "PRAGMA journal_mode").await;
    assert_eq!(journal, [["delete"]]);
}

#[tokio::test]
async fn what_is_no_database_is_told() {
    let folder = Folder::new();
    let text = folder.path().join("text.sqlite3");
    fs::write(
        &text,
        "no database, but a text that is long enough to be one ".repeat(50),
    )
    .expect("a file");
    let other = folder.path().join("other.sqlite3");
    fs::write(&other, "").expect("a file");
    execute(&url(&other), "CREATE TABLE something (id integer)").await;
    let cases = [
        (
            folder.path().join("no such directory/site.sqlite3"),
            "cannot be made",
        ),
        (folder.path().join("."), "the database"),
        (text, "file is not a database"),
        (other, "run Django's `manage.py migrate`"),
    ];
    for (path, expected) in cases {
        let begun = Instant::now();
        let error = within(open(&path).by_id("1"))
            .await
            .expect_err("no database");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains(expected), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "asked in vain");
    }
    let url = format!("sqlite://{}", folder.path().join("").display());
    let error = Database::open(&url).expect_err("a directory");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn another_writer_is_waited_for() {
    let folder = Folder::new();
    let path = folder.path().join("site.sqlite3");
    let database = open(&path);
    let key = within(database.create("text", later()))
        .await
        .expect("a key");
    let mut other = connect(&url(&path)).await;
    other.execute("BEGIN IMMEDIATE").await.expect("a lock");
    // Readers do not wait.
    let begun = Instant::now();
    let found = within(database.load(&key)).await.expect("an answer");
    assert_eq!(found.as_deref(), Some("text"));
    assert!(begun.elapsed() < Duration::from_secs(2));
    let error = within(database.save(&key, "other", later())).await;
    let error = error.expect_err("a lock");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(begun.elapsed() > Duration::from_secs(4), "it did not wait");

    let (saved, ended) = tokio::join!(database.save(&key, "other", later()), async {
        tokio::task::yield_now().await;
        other.execute("ROLLBACK").await
    });
    ended.expect("an end");
    assert_eq!(saved.expect("an answer"), Some(key));
}

#[tokio::test]
async fn users_may_be_in_a_table_of_another_name() {
    let folder = Folder::new();
    let url = format!("sqlite://{}", folder.path().join("site.sqlite3").display());
    let database = Database::open(&url).expect("a URL");
    assert_eq!(within(database.by_id("1")).await.expect("an answer"), None);
    execute(&url, "ALTER TABLE auth_user RENAME TO \"user\"").await;
    let database = database.user_table("user").expect("a name");
    super::users::all(&database).await;
    for name in ["", "a b", "1a", "a\"b", "a;b", &"x".repeat(64)] {
        let error = database.clone().user_table(name).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

/// SQLite compares as text what is no time: such a session has neither ended nor is it deleted.
#[tokio::test]
async fn a_session_whose_end_is_unreadable_is_an_error_and_stays() {
    let folder = Folder::new();
    let path = folder.path().join("site.sqlite3");
    let database = open(&path);
    within(database.create("text", later()))
        .await
        .expect("a key");
    for (number, end) in [
        "1733011200",
        "'soon'",
        "''",
        "'2000-01-01T00:00:00'",
        "'01.01.2000 00:00:00'",
        "x'00'",
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("unreadable{number}");
        let insert = format!("INSERT INTO django_session VALUES ('{key}', 'text', {end})");
        execute(&url(&path), &insert).await;
        let error = within(database.load(&key)).await.expect_err(end);
        assert_eq!(error.kind(), ErrorKind::Decode, "{end}: {error:?}");
        let cleared = within(database.clear_expired()).await;
        assert_eq!(cleared.expect("an answer"), 0, "{end}");
        let query = format!("SELECT session_key FROM django_session WHERE session_key = '{key}'");
        assert_eq!(rows(&url(&path), &query).await, [[key]], "{end}");
    }
    execute(
        &url(&path),
        "INSERT INTO django_session VALUES ('expired0', 'text', '2000-01-01 00:00:00')",
    )
    .await;
    assert_eq!(
        within(database.load("expired0")).await.expect("an answer"),
        None
    );
    let cleared = within(database.clear_expired()).await;
    assert_eq!(cleared.expect("an answer"), 1);
}
