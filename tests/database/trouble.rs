//! Servers that are down, go away, come back, refuse, or never answer.

use std::time::{Duration, Instant};

use channels::{Database, Error, ErrorKind, SessionStore, UserRecord, UserStore};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::net::TcpListener;

use super::databases::{MariaDb, PASSWORD, Postgres, connect, execute};
use super::support::within;
use super::tables;

/// The same for both servers, in the order of a server's life.
macro_rules! trouble {
    ($server:ty, $tables:expr) => {{
        let mut server = <$server>::start().await;
        let database = Database::open(server.url()).expect("a URL");

        tables_are_missing(&database).await;
        columns_are_missing(&database, server.url()).await;
        execute(server.url(), $tables).await;
        let key = create(&database).await;
        login_is_refused(server.url()).await;

        server.stop().await;
        is_down(&database).await;
        let fresh = Database::open(server.url()).expect("a URL");
        is_down(&fresh).await;
        server.start_again().await;
        for database in [&database, &fresh] {
            let found = within(database.load(&key)).await.expect("an answer");
            assert_eq!(found.as_deref(), Some("text"));
        }

        // Many connections, all of them lost before the next statement.
        use_all_connections(&database, &key).await;
        server.stop().await;
        server.start_again().await;
        let found = within(database.load(&key)).await.expect("an answer");
        assert_eq!(found.as_deref(), Some("text"));
        use_all_connections(&database, &key).await;
        server.stop().await;
        server.start_again().await;
        // What must not happen twice is not lost either.
        let user = UserRecord {
            username: "alice".into(),
            ..UserRecord::default()
        };
        within(database.create_user(&user))
            .await
            .expect("a new user");

        server
    }};
}

#[tokio::test]
async fn postgres() {
    let server = trouble!(Postgres, &tables::postgres());
    waits_only_so_long(
        server.url(),
        "LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE",
    )
    .await;
}

#[tokio::test]
async fn mariadb() {
    let server = trouble!(MariaDb, tables::MARIADB);
    waits_only_so_long(
        server.url(),
        "SELECT session_key FROM django_session FOR UPDATE",
    )
    .await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    for scheme in ["postgres", "mysql"] {
        let url = format!("{scheme}://u:{PASSWORD}@{address}/site");
        is_down(&Database::open(&url).expect("a URL")).await;
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_down() {
    let url = format!("postgres://u:{PASSWORD}@nowhere.invalid/site");
    is_down(&Database::open(&url).expect("a URL")).await;
}

#[test]
fn wrong_settings_are_told_at_once() {
    for url in [
        format!("oracle://u:{PASSWORD}@localhost/site"),
        format!("postgres://u:{PASSWORD}@localhost:none/site"),
        format!("mysql://u:{PASSWORD}@localhost/site?sslmod=required"),
    ] {
        is_wrong(&Database::open(&url).expect_err("a wrong URL"));
    }
    let database = Database::open("sqlite://never-made.sqlite3").expect("a URL");
    for most in [0, 1001] {
        let refused = database.clone().max_connections(most);
        is_wrong(&refused.expect_err("a wrong number"));
    }
    let url = format!("postgres://u:{PASSWORD}@localhost/site");
    let database = Database::open(&url).expect("a URL");
    assert_eq!(format!("{database:?}"), "Database(Postgres)");
}

async fn create(database: &Database) -> String {
    let later = std::time::SystemTime::now() + Duration::from_secs(60);
    let created = within(database.create("text", later)).await;
    created.expect("a key")
}

/// One that is wrong is told so, whoever reads it sees no password.
fn is_wrong(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    shows_no_password(error);
}

fn shows_no_password(error: &Error) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(PASSWORD), "{shown}");
}

async fn tables_are_missing(database: &Database) {
    let session = within(database.load("a".repeat(32).as_str())).await;
    let user = within(database.by_id("1")).await;
    for error in [session.expect_err("no table"), user.expect_err("no table")] {
        is_wrong(&error);
        let message = error.to_string();
        assert!(message.contains("manage.py migrate"), "{message}");
    }
}

async fn columns_are_missing(database: &Database, url: &str) {
    execute(url, "CREATE TABLE django_session (id integer)").await;
    let error = within(database.load(&"a".repeat(32))).await;
    is_wrong(&error.expect_err("no column"));
    execute(url, "DROP TABLE django_session").await;
}

async fn login_is_refused(url: &str) {
    for (right, wrong) in [
        (PASSWORD, "hunter3"),
        ("u:", "nobody:"),
        ("/site", "/other"),
    ] {
        let url = url.replacen(right, wrong, 1);
        let database = Database::open(&url).expect("a URL");
        let begun = Instant::now();
        let error = within(database.by_id("1")).await.expect_err("refused");
        is_wrong(&error);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter3"), "{shown}");
        assert!(shown.contains("the database refuses"), "{shown}");
        assert!(begun.elapsed() < Duration::from_secs(2), "asked in vain");
    }
}

/// Every call says so, and soon.
async fn is_down(database: &Database) {
    let key = "a".repeat(32);
    let begun = Instant::now();
    let (load, save, clear, user) = tokio::join!(
        database.load(&key),
        database.save(&key, "text", std::time::SystemTime::now()),
        database.clear_expired(),
        database.by_username("alice"),
    );
    let errors = [
        load.expect_err("down"),
        save.expect_err("down"),
        clear.expect_err("down"),
        user.expect_err("down"),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        shows_no_password(&error);
    }
    let took = begun.elapsed();
    assert!(
        took > Duration::from_millis(500),
        "it was not asked again: {took:?}"
    );
    assert!(took < Duration::from_secs(8), "{took:?}");
}

async fn use_all_connections(database: &Database, key: &str) {
    let loads: Vec<_> = (0..30)
        .map(|_| {
            let (database, key) = (database.clone(), key.to_owned());
            tokio::spawn(async move { database.load(&key).await })
        })
        .collect();
    for load in loads {
        let found = within(load).await.expect("no task panics");
        assert_eq!(found.expect("an answer").as_deref(), Some("text"));
    }
}

/// With somebody else's lock on the only row: a statement that takes too long is given up, and so is
/// waiting for the only connection.
async fn waits_only_so_long(url: &str, lock: &str) {
    let database = Database::open(url).expect("a URL");
    let database = database.max_connections(1).expect("one is enough");
    let key = create(&database).await;
    let later = std::time::SystemTime::now() + Duration::from_secs(60);

    let mut other = connect(url).await;
    let mut transaction = other.begin().await.expect("a transaction");
    sqlx::query(AssertSqlSafe(lock.to_owned()))
        .execute(&mut *transaction)
        .await
        .expect("a lock");
    let begun = Instant::now();
    let (statement, connection) = within(async {
        tokio::join!(
            database.save(&key, "changed", later),
            database.save(&key, "changed", later)
        )
    })
    .await;
    for error in [&statement, &connection] {
        let error = error.as_ref().expect_err("a lock");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }
    let message = connection.expect_err("a lock").to_string();
    assert_eq!(message, "all connections to the database are busy");
    assert!(begun.elapsed() < Duration::from_secs(10));

    transaction.rollback().await.expect("an end");
    let saved = within(database.save(&key, "changed", later)).await;
    assert_eq!(saved.expect("an answer"), Some(key));
}
