//! A real Django site and the rooms of `examples/login` on one database, in a real browser: who is
//! logged in at one of them is logged in at the other.

mod custom;
#[path = "../support/databases.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod databases;
#[path = "../support/example.rs"]
mod example;
mod news;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;
mod servers;
#[path = "../support/window.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod window;

use std::future::Future;
use std::time::Duration;

use crate::databases::Postgres;
use crate::process::Folder;
use crate::servers::{Django, NAME, PASSWORD, Rooms};
use crate::window::{Browsers, Window};

/// The longest that anything takes, on a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Fails a test that waits for what does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}

#[tokio::test]
async fn one_login_for_both_in_postgresql() {
    let server = Postgres::start().await;
    one_login_for_both(server.url()).await;
}

#[tokio::test]
async fn one_login_for_both_in_sqlite() {
    let folder = Folder::new();
    let file = folder.path().join("db.sqlite3");
    one_login_for_both(&format!("sqlite://{}", file.display())).await;
}

async fn one_login_for_both(database: &str) {
    let django = Django::start(database).await;
    let rooms = Rooms::start(database).await;
    let browsers = Browsers::start().await;
    let window = browsers.window(NAME).await;

    a_stranger_is_sent_to_the_login(&window, &rooms).await;
    logged_in_there_is_logged_in_here(&window, &django, &rooms).await;
    logging_out_there_closes_the_socket_here(&window, &django).await;
    logged_in_here_is_logged_in_there(&window, &django, &rooms).await;
    logging_out_here_is_logging_out_there(&window, &django, &rooms).await;
}

async fn a_stranger_is_sent_to_the_login(window: &Window, rooms: &Rooms) {
    window.open(&rooms.url("/rooms/rust/")).await;
    window
        .until("the way to the login", "location.pathname == '/login/'")
        .await;
}

async fn logged_in_there_is_logged_in_here(window: &Window, django: &Django, rooms: &Rooms) {
    window.open(&django.url("/admin/login/")).await;
    log_in(window).await;
    window
        .until(
            "the administration",
            "document.querySelector('#user-tools')",
        )
        .await;

    window.open(&rooms.url("/rooms/rust/")).await;
    window
        .until(
            "the name",
            &format!("document.querySelector('#name').textContent == '{NAME}'"),
        )
        .await;
    says(window, "Hello from Django").await;
}

async fn logging_out_there_closes_the_socket_here(window: &Window, django: &Django) {
    let room = window.opens_beside(&django.url("/admin/")).await;
    window.clicks("#logout-form button").await;
    window
        .until(
            "the farewell",
            "document.body.innerText.includes('Log in again')",
        )
        .await;
    window.goes_to(room).await;
    window
        .until(
            "the end of the socket",
            "document.querySelector('#state').textContent == 'You are logged out.'",
        )
        .await;
}

async fn logged_in_here_is_logged_in_there(window: &Window, django: &Django, rooms: &Rooms) {
    window.open(&rooms.url("/login/?next=/rooms/rust/")).await;
    log_in(window).await;
    window
        .until("the room", "location.pathname == '/rooms/rust/'")
        .await;
    says(window, "Hello from Rust").await;

    window.open(&django.url("/admin/")).await;
    let greets = format!("document.querySelector('#user-tools strong').textContent == '{NAME}'");
    window.until("the greeting", &greets).await;
}

async fn logging_out_here_is_logging_out_there(window: &Window, django: &Django, rooms: &Rooms) {
    window.open(&rooms.url("/")).await;
    window.clicks("header button").await;
    window
        .until("the login", "location.pathname == '/login/'")
        .await;
    window.open(&django.url("/admin/")).await;
    window
        .until("Django's login", "location.pathname == '/admin/login/'")
        .await;
}

/// Fills the form in: the fields have the same names in both.
async fn log_in(window: &Window) {
    window.types("input[name=username]", NAME).await;
    window.types("input[name=password]", PASSWORD).await;
    window.clicks("input[type=submit], form button").await;
}

async fn says(window: &Window, text: &str) {
    // The socket may still be connecting: the field is not emptied then.
    window.types("#text", text).await;
    let sent =
        "document.querySelector('#say').requestSubmit(), !document.querySelector('#text').value";
    window.until("the socket", sent).await;
    let shown = format!("document.querySelector('#log').innerText.includes('{NAME} {text}')");
    window.until("the message", &shown).await;
}
