//! The pages to log in and out.

use http::{Method, header};

use channels::prelude::*;
use channels::testing::HttpCommunicator;

use super::support::within;
use super::{Browser, TestSite};

#[tokio::test]
async fn the_page_goes_on_within_the_site_alone() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        for (next, expected) in [
            ("/chat/%3Fa%3Db", "/chat/?a=b"),
            ("", "/who/"),
            ("//evil.org", "/who/"),
            ("https://evil.org", "/who/"),
            ("/%0d%0aset-cookie:a=b", "/who/"),
        ] {
            let mut browser = Browser::new(&site.app());
            let token = browser.token(&format!("/login/?next={next}")).await;
            let form =
                format!("csrfmiddlewaretoken={token}&username=alice&password=secret&next={next}");
            let response = browser.post("/login/", &form).await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            assert_eq!(response.headers()[header::LOCATION], expected, "{next}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_of_a_form_gets_into_the_page_as_markup() {
    within(async {
        let site = TestSite::new();
        let mut browser = Browser::new(&site.app());
        let token = browser.token("/login/").await;
        let form = format!(
            "csrfmiddlewaretoken={token}&username=%22%3E%3Cscript%3E&password=x&next=/%22%3E%3Cscript%3E"
        );
        let response = browser.post("/login/", &form).await;
        let page = String::from_utf8(response.body().to_vec()).expect("a text");
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;"), "{page}");
        let never = "max-age=0, no-cache, no-store, must-revalidate, private";
        assert_eq!(response.headers()[header::CACHE_CONTROL], never);
    })
    .await;
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        let token = browser.token("/login/").await;
        let form = format!("csrfmiddlewaretoken={token}&username=alice&password=secret");
        let post = |origin: &'static str, cookie: String, form: String| {
            let request = HttpCommunicator::new(&browser.app, Method::POST, "/login/")
                .header("host", "example.com")
                .header("origin", origin)
                .header("cookie", &cookie)
                .header(
                    "content-type",
                    "application/x-www-form-urlencoded; charset=utf-8",
                )
                .body(form);
            async { request.response().await.expect("a response").status() }
        };
        let own = "http://example.com";
        let cookie = browser.cookie();
        let denied = StatusCode::FORBIDDEN;
        assert_eq!(
            post("http://evil.org", cookie.clone(), form.clone()).await,
            denied
        );
        assert_eq!(post("null", cookie.clone(), form.clone()).await, denied);
        assert_eq!(post(own, String::new(), form.clone()).await, denied);
        let without = "username=alice&password=secret".to_owned();
        assert_eq!(post(own, cookie.clone(), without).await, denied);
        assert_eq!(post(own, cookie, form).await, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn logging_out_takes_a_form() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.log_in("alice", "secret").await;
        let response = browser.get("/logout/").await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "POST");
        let forged = browser.post("/logout/", "").await;
        assert_eq!(forged.status(), StatusCode::FORBIDDEN);
        assert_eq!(browser.text("/who/").await, "alice");
        assert_eq!(browser.log_out().await, StatusCode::SEE_OTHER);
        assert_eq!(browser.text("/who/").await, "");
        assert_eq!(browser.session_key(), None);
    })
    .await;
}

#[tokio::test]
async fn a_login_takes_a_new_token() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        browser.get("/login/").await;
        let before = browser.cookies["csrftoken"].clone();
        browser.log_in("alice", "secret").await;
        assert_ne!(browser.cookies["csrftoken"], before);
    })
    .await;
}

/// What Django's middleware and its `LoginView` send by default, with every answer.
#[tokio::test]
async fn every_answer_has_the_headers_that_protect_a_page() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let mut browser = Browser::new(&site.app());
        let token = browser.token("/login/").await;
        let token = format!("csrfmiddlewaretoken={token}");
        let wrong = format!("{token}&username=alice&password=x");
        let right = format!("{token}&username=alice&password=secret");
        let request = HttpCommunicator::new(&browser.app, Method::PUT, "/login/");
        let not_allowed = request.response().await.expect("a response");
        let mut responses = vec![
            ("the form", browser.get("/login/").await),
            ("a wrong password", browser.post("/login/", &wrong).await),
            ("no form", browser.post("/login/", &token).await),
            ("a login", browser.post("/login/", &right).await),
        ];
        responses.push(("a page to log out", browser.get("/logout/").await));
        let token = browser.token("/login/").await;
        let form = format!("csrfmiddlewaretoken={token}");
        responses.push(("a logout", browser.post("/logout/", &form).await));
        for (what, response) in responses {
            for (name, value) in [
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                (
                    "cache-control",
                    "max-age=0, no-cache, no-store, must-revalidate, private",
                ),
            ] {
                let values: Vec<_> = response.headers().get_all(name).iter().collect();
                assert_eq!(values, [value], "{what}: {name}");
            }
            assert!(response.headers().contains_key(header::EXPIRES), "{what}");
        }
        assert_eq!(not_allowed.status(), StatusCode::FORBIDDEN, "no token");
    })
    .await;
}

#[tokio::test]
async fn without_the_middleware_nobody_logs_in() {
    within(async {
        let site = TestSite::new();
        site.add_user("alice", "secret").await;
        let pages = URLRouter::new().path("login/", channels::LoginView::new());
        let app = site.app().http(channels::AuthMiddlewareStack::new(pages));
        let mut browser = Browser::new(&app);
        let response = browser
            .post("/login/", "username=alice&password=secret")
            .await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(browser.session_key(), None);
    })
    .await;
}
