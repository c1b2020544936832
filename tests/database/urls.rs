//! URLs of databases, good and bad.

use channels::{Database, ErrorKind};

#[test]
fn good_ones_need_no_database() {
    for url in [
        "sqlite://db.sqlite3",
        "sqlite:db.sqlite3?mode=rw",
        "sqlite:///var/lib/site/db.sqlite3",
        "postgres://localhost/site",
        "postgresql://user:p%40ss@[::1]:5433/site?sslmode=require",
        "mysql://root@127.0.0.1:3306/site",
        "mariadb://user:secret@db.example.com/site?ssl-mode=REQUIRED",
    ] {
        Database::open(url).expect(url);
    }
}

#[test]
fn bad_ones_say_what_is_wrong_and_no_secret() {
    for (url, says) in [
        ("", "begins with"),
        ("postgers://localhost/site", "begins with"),
        ("mssql://localhost/site", "begins with"),
        ("postgres:localhost", "comes `//`"),
        ("postgres://user:hidden@localhost:port/site", "wrong"),
        ("postgres://localhost/site?sslmod=require", "sslmod"),
        ("mysql://localhost/site?sslmode=require", "sslmode"),
        ("sqlite://", "names no file"),
        ("sqlite::memory:", "in memory"),
        ("sqlite://x?mode=memory", "in memory"),
    ] {
        let error = Database::open(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        assert!(error.to_string().contains(says), "{url}: {error}");
        assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
    }
    for connections in [0, 1001] {
        let database = Database::open("postgres://localhost/site").expect("an URL");
        let error = database.max_connections(connections).expect_err("none");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    for table in ["", "a b", "1a", "a\"b", "a;b"] {
        let database = Database::open("postgres://localhost/site").expect("an URL");
        let error = database.user_table(table).expect_err(table);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}
