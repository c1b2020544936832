//! Databases that are down, go down, come back, or are not what was said.

use std::time::{Duration, Instant, SystemTime};

use channels::{Database, ErrorKind, SessionStore as _, UserStore as _};

use crate::databases::{Postgres, free_port};
use crate::within;

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_comes_back() {
    let mut server = Postgres::start().await;
    within("a database that comes and goes", async {
        let store = Database::open(&server.url()).expect("a database");
        store.create_tables().await.expect("tables");
        let later = SystemTime::now() + Duration::from_secs(3600);
        let key = store.create("text", later).await.expect("a key");

        server.kill().await;
        let begun = Instant::now();
        let error = store.load(&key).await.expect_err("it is down");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "{:?}",
            begun.elapsed()
        );
        let error = store.by_id("1").await.expect_err("it is down");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");

        server.start_again().await;
        let text = store.load(&key).await.expect("it is back");
        assert_eq!(text.as_deref(), Some("text"));

        // Connections that broke while nobody used them are not noticed.
        server.kill().await;
        server.start_again().await;
        let text = store.load(&key).await.expect("a new connection");
        assert_eq!(text.as_deref(), Some("text"));
    })
    .await;
}

#[tokio::test]
async fn what_no_waiting_mends_is_told_at_once() {
    let server = Postgres::start().await;
    within("wrong databases", async {
        let store = Database::open(&server.url()).expect("a database");
        let error = store.load("x").await.expect_err("no tables");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("migrate"), "{error}");

        let url = server.url().replace("/site", "/nosuch");
        let store = Database::open(&url).expect("a database");
        let error = store.load("x").await.expect_err("no such database");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");

        let url = server.url().replace("postgres@", "nobody:secret@");
        let store = Database::open(&url).expect("a database");
        let error = store.load("x").await.expect_err("no such user");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(
            !format!("{store:?} {error:?}").contains("secret"),
            "{error:?}"
        );

        server
            .sql(
                "CREATE TABLE auth_user (id uuid PRIMARY KEY); CREATE TABLE django_session (a int)",
            )
            .await;
        let store = Database::open(&server.url()).expect("a database");
        let error = store.by_id("1").await.expect_err("another primary key");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("integer"), "{error}");
        let error = store.load("x").await.expect_err("other columns");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    })
    .await;
}

#[tokio::test]
async fn nobody_answers() {
    within("ports without a database", async {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let silent = silent.local_addr().expect("an address").port();
        for port in [free_port(), silent] {
            let url = format!("postgres://127.0.0.1:{port}/site");
            let store = Database::open(&url).expect("a database");
            let begun = Instant::now();
            let error = store.load("x").await.expect_err("nobody");
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{:?}",
                begun.elapsed()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn all_connections_are_busy() {
    let server = Postgres::start().await;
    within("a busy database", async {
        let store = Database::open(&server.url()).expect("a database");
        store.create_tables().await.expect("tables");
        let store = store.max_connections(1).expect("one");
        store.load("x").await.expect("an answer");
        // A lock that is held longer than a statement may take.
        let held = server.sql("BEGIN; LOCK TABLE django_session; SELECT pg_sleep(20); COMMIT");
        let asked = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (one, other) = tokio::join!(store.load("x"), store.load("y"));
            for answer in [one, other] {
                let error = answer.expect_err("it is locked");
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            }
        };
        tokio::select! {
            () = held => panic!("the lock did not hold"),
            () = asked => {}
        }
    })
    .await;
}
