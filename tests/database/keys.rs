//! Tables of users that this crate does not read: a site with such a one does not start.

use channels::prelude::*;
use channels::{
    AuthMiddlewareStack, Database, JwtVerifier, SecretKeys, Site, TokenAuthMiddleware,
    TokenVerifier, UserStore, Verified,
};
use channels::{InMemorySessionStore, Middleware as _, Scope};

use super::databases::{MariaDb, Postgres, execute};
use super::process::Folder;
use super::support::within;

const COLUMNS: &str = "password varchar(128), last_login timestamp NULL, is_superuser boolean, \
     username varchar(150), first_name varchar(150), last_name varchar(150), email varchar(254), \
     is_staff boolean, is_active boolean, date_joined timestamp NULL";

#[consumer]
#[derive(Default)]
struct Quiet;

#[consumer]
impl Quiet {
    async fn receive(&mut self, _socket: &mut WebSocket, _text: String) -> Result {
        Ok(())
    }
}

fn routes() -> URLRouter {
    URLRouter::new().path("ws/", Quiet::app())
}

fn site(url: &str, table: &str) -> (Database, Site) {
    let database = Database::open(url).expect("a URL");
    let database = database.user_table(table).expect("a name");
    let keys = SecretKeys::new("a key for tests");
    let site = Site::new(keys, InMemorySessionStore::new(), database.clone());
    (database, site)
}

/// What an application says at its start.
async fn start(site: Site) -> Result {
    let app = ProtocolTypeRouter::new()
        .site(site)
        .websocket(AuthMiddlewareStack::new(routes()));
    app.check()?;
    within(app.startup()).await
}

async fn tables(url: &str, keys: &[(&str, bool)]) {
    for (number, (key, is_good)) in keys.iter().enumerate() {
        let table = format!("users{number}");
        execute(url, &format!("CREATE TABLE {table} (id {key}, {COLUMNS})")).await;
        let (database, site) = site(url, &table);
        let started = start(site.clone()).await;
        let sought = within(database.by_id("7c9e6679-7425-40de-944b-e07fc1f90ae7")).await;
        let many = ["1".to_owned(), "x".to_owned()];
        let many = within(database.by_ids(&many)).await;
        if *is_good {
            started.expect(key);
            assert_eq!(sought.expect(key), None);
            assert_eq!(many.expect(key), []);
            continue;
        }
        for error in [
            started.expect_err(key),
            sought.expect_err(key),
            many.expect_err(key),
        ] {
            assert_eq!(error.kind(), ErrorKind::Config, "{key}: {error:?}");
            let error = error.to_string();
            assert!(
                error.contains("only integer primary keys are supported"),
                "{key}: {error}"
            );
            assert!(error.contains(&table), "{key}: {error}");
        }
    }
    // A model that is not an `AbstractUser`, and one whose key has another name.
    execute(url, "CREATE TABLE bare (id integer, email varchar(254))").await;
    execute(url, &format!("CREATE TABLE named (uid integer, {COLUMNS})")).await;
    for table in ["bare", "named", "missing"] {
        let error = start(site(url, table).1).await.expect_err(table);
        assert_eq!(error.kind(), ErrorKind::Config, "{table}: {error:?}");
    }
}

#[tokio::test]
async fn sqlite() {
    let folder = Folder::new();
    let url = format!("sqlite://{}", folder.path().join("site.sqlite3").display());
    let keys = [
        ("integer PRIMARY KEY", true),
        ("bigint", true),
        ("char(32)", false),
        ("text", false),
        ("varchar(40)", false),
    ];
    std::fs::File::create(folder.path().join("site.sqlite3")).expect("a file");
    execute(&url, "CREATE TABLE django_session (session_key text)").await;
    tables(&url, &keys).await;
}

#[tokio::test]
async fn postgres() {
    let server = Postgres::start().await;
    let keys = [
        ("bigint", true),
        ("smallserial", true),
        ("integer", true),
        ("uuid", false),
        ("varchar(40)", false),
        ("text", false),
    ];
    tables(server.url(), &keys).await;
}

#[tokio::test]
async fn mariadb() {
    let server = MariaDb::start().await;
    let keys = [
        ("bigint unsigned", true),
        ("integer AUTO_INCREMENT PRIMARY KEY", true),
        ("char(32)", false),
        ("varchar(40)", false),
    ];
    tables(server.url(), &keys).await;
}

struct Tokens;

impl TokenVerifier for Tokens {
    async fn verify(&self, _token: &str, _scope: &Scope) -> Result<Option<Verified>> {
        Ok(None)
    }
}

/// Only applications that look users up need their table, and a database that is away stops none.
#[tokio::test]
async fn a_start_needs_no_more_than_the_application() {
    let folder = Folder::new();
    let url = format!("sqlite://{}", folder.path().join("site.sqlite3").display());
    let (_, site) = site(&url, "missing");
    let tokens = ProtocolTypeRouter::new()
        .site(site.clone())
        .websocket(TokenAuthMiddleware::new(Tokens).around(routes()));
    tokens.check().expect("good settings");
    within(tokens.startup()).await.expect("a start");
    // A `JwtVerifier` has the users looked up.
    let tokens = ProtocolTypeRouter::new()
        .site(site.clone())
        .websocket(TokenAuthMiddleware::new(JwtVerifier::hs256("a key")).around(routes()));
    tokens.check().expect("good settings");
    let error = within(tokens.startup()).await.expect_err("no table");
    assert_eq!(error.kind(), ErrorKind::Config);
    let error = within(site.check_stores()).await.expect_err("no table");
    assert_eq!(error.kind(), ErrorKind::Config);

    let away = Database::open("postgres://nobody@127.0.0.1:1/none").expect("a URL");
    let keys = SecretKeys::new("a key for tests");
    let site = Site::new(keys, InMemorySessionStore::new(), away);
    start(site).await.expect("it is asked again later");
}
