//! What is loaded, saved and set as a cookie, and when.

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{
    InMemoryUserStore, SecretKeys, SessionCookie, SessionStore as _, SignedCookieStore, Site,
};
use http::header;

use super::support::within;
use super::{Browser, TestSite, ask};

#[tokio::test]
async fn nothing_is_looked_up_that_nobody_uses() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        browser.get("/keep/a/").await;
        site.queries();
        let mut socket = browser.socket("/ws/");
        let accepted = socket.connect().await.expect("a socket");
        assert!(accepted.headers.get(header::SET_COOKIE).is_none());
        socket.close(CloseCode::NORMAL, "").await.expect("closed");
        assert_eq!(site.queries(), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_session_outlives_its_request() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        assert_eq!(browser.text("/keep/nothing/").await, "");
        assert_eq!(browser.session_key(), None, "an empty session is not kept");
        assert_eq!(browser.text("/keep/one/").await, "");
        let key = browser.session_key().expect("a key").to_owned();
        site.queries();
        assert_eq!(browser.text("/keep/nothing/").await, "one");
        assert_eq!(site.queries(), (1, 0));
        assert_eq!(browser.text("/keep/two/").await, "one");
        assert_eq!(site.queries(), (2, 0), "one to load, one to save");
        assert_eq!(browser.session_key(), Some(&*key));

        let mut socket = browser.open("/ws/").await;
        assert_eq!(ask(&mut socket, "value").await, "two");
        assert_eq!(browser.text("/keep/flush/").await, "two");
        assert_eq!(browser.session_key(), None, "the browser is to forget it");
        assert_eq!(site.sessions.load(&key).await.expect("an answer"), None);
    })
    .await;
}

#[tokio::test]
async fn what_a_socket_changes_is_saved_when_its_handler_ends() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        browser.get("/keep/a/").await;
        let mut socket = browser.open("/ws/").await;
        assert_eq!(ask(&mut socket, "value=b").await, "set");
        // The next handler begins after the save.
        assert_eq!(ask(&mut socket, "value").await, "b");
        assert_eq!(browser.text("/keep/nothing/").await, "b");
    })
    .await;
}

/// Saving writes all of a session: so it is not what a handler of long ago has read.
#[tokio::test]
async fn what_the_site_changes_meanwhile_stays() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        browser.open("/ws/?visit").await;
        browser.get("/keep/a/").await;
        let mut socket = browser.open("/ws/?visit").await;
        assert_eq!(ask(&mut socket, "value").await, "a");
        browser.get("/keep/b/").await;
        assert_eq!(ask(&mut socket, "other=x").await, "set");
        assert_eq!(ask(&mut socket, "value").await, "b");
        assert_eq!(ask(&mut socket, "other").await, "x");
        assert_eq!(browser.text("/keep/nothing/").await, "b");

        // What connect has read is old as well.
        let mut socket = browser.open("/ws/?visit").await;
        browser.get("/keep/c/").await;
        site.queries();
        assert_eq!(ask(&mut socket, "other=y").await, "set");
        assert_eq!(ask(&mut socket, "who").await, "[]");
        assert_eq!(ask(&mut socket, "who").await, "[]");
        assert_eq!(
            site.queries(),
            (3, 0),
            "to load, to save, and to see who it is"
        );
        assert_eq!(browser.text("/keep/nothing/").await, "c");
    })
    .await;
}

#[tokio::test]
async fn what_connect_changes_sets_the_cookie_of_the_101() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        for visits in 1..4 {
            let mut socket = browser.socket("/ws/?visit");
            let accepted = socket.connect().await.expect("a socket");
            let cookie = accepted.headers.get(header::SET_COOKIE).expect("a cookie");
            let cookie = cookie.to_str().expect("a text").to_owned();
            assert!(cookie.contains("HttpOnly"), "{cookie}");
            assert!(cookie.contains("SameSite=Lax"), "{cookie}");
            assert_eq!(accepted.headers.get(header::VARY).expect("vary"), "Cookie");
            browser.take_cookies(&accepted.headers);
            socket.send("visits").await.expect("sent");
            drop(socket);
            let key = browser.session_key().expect("a key");
            assert!(site.sessions.load(key).await.expect("an answer").is_some());
            let _ = visits;
        }
    })
    .await;
}

/// Session fixation: nobody chooses somebody else's key.
#[tokio::test]
async fn a_key_that_nobody_gave_out_is_not_taken() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        let chosen = "chosenbyanattacker00000000000000";
        browser.cookies.insert("sessionid".into(), chosen.into());
        browser.get("/keep/a/").await;
        assert_ne!(browser.session_key(), Some(chosen));
        assert_eq!(site.sessions.load(chosen).await.expect("an answer"), None);
        assert_eq!(browser.text("/keep/nothing/").await, "a");
    })
    .await;
}

#[tokio::test]
async fn bad_cookies_are_nobodys() {
    within(async {
        let site = TestSite::new();
        let app = site.app();
        let long = "x".repeat(10_000);
        for cookie in [
            "sessionid=",
            "sessionid",
            "sessionid=short",
            "sessionid=\"unclosed",
            "sessionid=unknown0000000000000000000000000",
            "sessionid=a; sessionid=b",
            ";;;=;=a;",
            "sessionid=\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
            &format!("sessionid={long}"),
        ] {
            let mut socket = WebsocketCommunicator::new(&app, "/ws/?who").header("cookie", cookie);
            socket.connect().await.expect("a socket");
            assert_eq!(ask(&mut socket, "who").await, "[]", "{cookie}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_million_bytes_of_cookie_are_refused_before_anybody_looks() {
    within(async {
        let site = TestSite::new();
        let bomb = format!("sessionid={}", "x".repeat(1_000_000));
        let request = HttpCommunicator::get(&site.app(), "/who/").header("cookie", &bomb);
        let status = request.response().await.map(|response| response.status());
        // The server may close before the client has sent it all.
        if let Ok(status) = status {
            assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        assert_eq!(site.queries(), (0, 0));
        let many: Vec<_> = (0..300).map(|number| format!("c{number}=v")).collect();
        let request =
            HttpCommunicator::get(&site.app(), "/who/").header("cookie", &many.join("; "));
        let response = request.response().await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_stays_so() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        browser.get("/keep/a/").await;
        let mut socket = browser.open("/ws/").await;
        assert_eq!(ask(&mut socket, "value").await, "a");
        let key = browser.session_key().expect("a key").to_owned();
        site.sessions.delete(&key).await.expect("deleted");
        socket.send("value=b").await.expect("sent");
        // The answer leaves first, then the save fails.
        assert_eq!(socket.receive::<String>().await.expect("an answer"), "set");
        let frame = socket.closed().await.expect("an end").expect("a frame");
        assert_eq!(frame.code, CloseCode::POLICY_VIOLATION);
        assert_eq!(site.sessions.load(&key).await.expect("an answer"), None);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_down_makes_nobody_a_stranger() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        browser.get("/keep/a/").await;
        let mut open = browser.open("/ws/").await;
        site.set_down(true);
        let mut socket = browser.socket("/ws/?who");
        let refused = socket.connect().await.expect_err("the store is down");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            refused
                .response()
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
        let page = browser.get("/who/").await;
        assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(browser.session_key().is_some(), "the cookie stays");

        open.send("who").await.expect("sent");
        let frame = open.closed().await.expect("an end").expect("a frame");
        assert_eq!(frame.code, CloseCode::TRY_AGAIN_LATER);

        site.set_down(false);
        browser.open("/ws/?who").await;
        assert_eq!(browser.text("/keep/nothing/").await, "a");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_could_not_be_read_again_is_not_lost() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        // Its key is a new one, of which the handshake's cookie knows nothing.
        let mut socket = browser.open("/ws/?visit").await;
        assert_eq!(ask(&mut socket, "value=a").await, "set");
        site.set_down(true);
        assert_eq!(ask(&mut socket, "try again").await, "Unavailable");
        site.set_down(false);
        assert_eq!(ask(&mut socket, "value").await, "a");
        assert_eq!(ask(&mut socket, "value=b").await, "set");
        assert_eq!(ask(&mut socket, "value").await, "b");
        assert_eq!(browser.text("/keep/nothing/").await, "b");
    })
    .await;
}

#[tokio::test]
async fn a_session_may_lie_in_its_cookie() {
    within(async {
        let store = SignedCookieStore::new(&SessionCookie::default());
        let keys = SecretKeys::new("a key for tests");
        let site = Site::new(keys, store, InMemoryUserStore::default());
        let app = TestSite::new().app().site(site);
        let mut browser = Browser::new(&app);
        assert_eq!(browser.text("/keep/one/").await, "");
        let first = browser.session_key().expect("a session").to_owned();
        assert_eq!(browser.text("/keep/two/").await, "one");
        assert_ne!(browser.session_key(), Some(&*first));
        assert_eq!(browser.text("/keep/nothing/").await, "two");
        let tampered = browser
            .session_key()
            .expect("a session")
            .replacen(':', ";", 1);
        browser.cookies.insert("sessionid".into(), tampered);
        assert_eq!(browser.text("/keep/nothing/").await, "");
    })
    .await;
}

#[consumer]
#[derive(Default)]
struct Synchronous;

#[consumer]
impl Synchronous {
    fn receive(&mut self, socket: &mut BlockingWebSocket, text: String) -> Result {
        let session = socket.session()?;
        let before: Option<String> = session.get("text")?;
        session.insert("text", &text)?;
        // The client opens its next socket when it has the answer.
        session.save()?;
        let user = socket.user()?;
        socket.send(format!("{}{before:?}", user.username()))
    }
}

#[tokio::test]
async fn plain_handlers_have_it_all_as_well() {
    within(async {
        let site = TestSite::new();
        let sockets = URLRouter::new().path("sync/", Synchronous::app());
        let app = site
            .app()
            .websocket(channels::AuthMiddlewareStack::new(sockets));
        let mut browser = Browser::new(&app);
        browser.get("/keep/a/").await;
        let mut socket = browser.open("/sync/").await;
        assert_eq!(ask(&mut socket, "one").await, "None");
        let mut socket = browser.open("/sync/").await;
        assert_eq!(ask(&mut socket, "two").await, "Some(\"one\")");
    })
    .await;
}

#[tokio::test]
async fn without_a_middleware_it_says_which() {
    within(async {
        let site = TestSite::new();
        let app = site.app().websocket(super::sockets());
        let mut socket = WebsocketCommunicator::new(&app, "/ws/?who");
        let refused = socket.connect().await.expect_err("no middleware");
        assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    })
    .await;
}
