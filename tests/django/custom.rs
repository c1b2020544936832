//! Django sites that this crate does not understand: with a user model or a session serializer of their
//! own. Sockets and pages leave their sessions unchanged.

use std::path::Path;

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{AuthMiddlewareStack, Database, SecretKeys, Site};
use tokio::process::Command;

use crate::process::Folder;
use crate::servers::python;
use crate::within;

const SECRET_KEY: &str = "one key for both of them";

#[consumer]
#[derive(Default)]
struct Socket;

#[consumer]
impl Socket {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let user = socket.user().await?;
        let name = user.username().to_owned();
        if socket.scope().query_string() == "visit" {
            socket.session()?.insert("visits", &1).await?;
        }
        socket.accept().await?;
        socket.send(format!("[{name}]")).await
    }
}

#[consumer(http)]
#[derive(Default)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let user = http.user().await?;
        http.send_response(StatusCode::OK, format!("[{}]", user.username()))
            .await
    }
}

/// A Django site, and what it is to print.
struct Django {
    variant: &'static str,
    url: String,
    _folder: Folder,
}

impl Django {
    fn new(variant: &'static str) -> Self {
        let folder = Folder::new();
        let file = folder.path().join("site.sqlite3");
        Self {
            variant,
            url: format!("sqlite://{}", file.display()),
            _folder: folder,
        }
    }

    async fn run(&self, arguments: &[&str]) -> (String, String) {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django/custom"));
        let mut command = Command::new(python());
        command
            .arg("site_of_its_own.py")
            .args(arguments)
            .current_dir(folder)
            .env("SECRET_KEY", SECRET_KEY)
            .env("DATABASE_URL", &self.url)
            .env("VARIANT", self.variant)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let output = within("the site", command.output()).await;
        let output = output.expect("Python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        let printed = String::from_utf8(output.stdout).expect("a text");
        let (first, second) = printed.trim().split_once('\n').expect("two lines");
        (first.to_owned(), second.to_owned())
    }

    fn app(&self) -> ProtocolTypeRouter {
        let database = Database::open(&self.url).expect("a URL");
        let database = database.user_table("accounts_user").expect("a name");
        let keys = SecretKeys::new(SECRET_KEY);
        ProtocolTypeRouter::new()
            .channel_layer(InMemoryChannelLayer::new())
            .site(Site::new(keys, database.clone(), database))
            .websocket(AuthMiddlewareStack::new(
                URLRouter::new().path("ws/", Socket::app()),
            ))
            .http(AuthMiddlewareStack::new(
                URLRouter::new().path("who/", Page::app()),
            ))
    }
}

/// Opens sockets and pages with the cookie of a session, and gives the user whom they find.
async fn use_session(app: &ProtocolTypeRouter, key: &str) -> String {
    let cookie = format!("sessionid={key}");
    let mut socket = WebsocketCommunicator::new(app, "/ws/").header("cookie", &cookie);
    let accepted = within("the socket", socket.connect()).await;
    let accepted = accepted.expect("a socket");
    assert!(!accepted.headers.contains_key("set-cookie"));
    let name = socket.receive::<String>().await.expect("a name");
    let page = HttpCommunicator::get(app, "/who/").header("cookie", &cookie);
    let page = within("the page", page.response()).await;
    let page = page.expect("a response");
    assert!(!page.headers().contains_key("set-cookie"));
    assert_eq!(page.body(), name.as_bytes());
    name
}

#[tokio::test]
async fn a_login_with_another_hash_stays_logged_in_at_the_site() {
    let django = Django::new("hash");
    let (key, before) = django.run(&["new"]).await;
    let app = django.app();
    app.check().expect("good settings");
    within("the start", app.startup())
        .await
        .expect("a table that it can read");
    assert_eq!(use_session(&app, &key).await, "[]");
    let (user, after) = django.run(&["check", &key]).await;
    assert_eq!((user.as_str(), after), ("ana [1, 2]", before));
}

#[tokio::test]
async fn a_pickled_session_stays_as_the_site_wrote_it() {
    let django = Django::new("pickle");
    let (key, before) = django.run(&["new"]).await;
    let app = django.app();
    app.check().expect("good settings");
    within("the start", app.startup())
        .await
        .expect("a table that it can read");
    assert_eq!(use_session(&app, &key).await, "[]");
    let mut socket = WebsocketCommunicator::new(&app, "/ws/?visit")
        .header("cookie", &format!("sessionid={key}"));
    let refused = within("the socket", socket.connect()).await;
    assert_eq!(
        refused.expect_err("nothing can be saved").status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let (user, after) = django.run(&["check", &key]).await;
    assert_eq!((user.as_str(), after), ("ana [1, 2]", before));
}

#[tokio::test]
async fn users_with_a_uuid_are_an_error_at_start_up() {
    let django = Django::new("uuid");
    let (key, before) = django.run(&["new"]).await;
    let app = django.app();
    app.check().expect("good settings");
    let error = within("the start", app.startup()).await;
    let error = error.expect_err("no integers");
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = error.to_string();
    assert!(said.contains("only integer primary keys"), "{said}");
    // Where it runs without a start-up, nobody is anonymous in silence.
    let mut socket =
        WebsocketCommunicator::new(&app, "/ws/").header("cookie", &format!("sessionid={key}"));
    let refused = within("the socket", socket.connect()).await;
    refused.expect_err("no user can be looked up");
    let (user, after) = django.run(&["check", &key]).await;
    assert_eq!((user.as_str(), after), ("ana [1, 2]", before));
}

#[tokio::test]
async fn a_site_with_a_model_of_its_own_and_djangos_rules_is_understood() {
    let django = Django::new("plain");
    let (key, before) = django.run(&["new"]).await;
    let app = django.app();
    app.check().expect("good settings");
    within("the start", app.startup())
        .await
        .expect("a table that it can read");
    assert_eq!(use_session(&app, &key).await, "[ana]");
    let (user, after) = django.run(&["check", &key]).await;
    assert_eq!((user.as_str(), after), ("ana [1, 2]", before));
}
