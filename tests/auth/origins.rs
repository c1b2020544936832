//! The stack looks at the origin by itself.

use channels::Middleware;
use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use http::Method;

use super::TestSite;
use super::support::within;

async fn handshake(app: &ProtocolTypeRouter, origin: Option<&str>) -> bool {
    let mut socket =
        WebsocketCommunicator::new(app, "/ws/").header("host", "chat.example.com:8000");
    if let Some(origin) = origin {
        socket = socket.header("origin", origin);
    }
    match socket.connect().await {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin:?}");
            false
        }
    }
}

#[tokio::test]
async fn a_page_has_to_be_of_the_sockets_own_host() {
    within(async {
        let app = TestSite::new().app();
        for (origin, is_allowed) in [
            (None, true),
            (Some("http://chat.example.com:8000"), true),
            (Some("https://chat.example.com:8000"), true),
            (Some("http://chat.example.com"), false),
            (Some("http://example.com:8000"), false),
            (Some("http://evil.org"), false),
            (Some("null"), false),
            (Some(""), false),
            (Some("http://[::1"), false),
        ] {
            assert_eq!(handshake(&app, origin).await, is_allowed, "{origin:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_site_may_name_its_hosts() {
    within(async {
        let site = TestSite::new();
        let named = site.site.clone().allowed_hosts([".example.com"]);
        let app = site.app().site(named);
        for (origin, is_allowed) in [
            (None, true),
            (Some("https://www.example.com"), true),
            (Some("http://chat.example.com:8000"), true),
            (Some("http://example.org"), false),
        ] {
            assert_eq!(handshake(&app, origin).await, is_allowed, "{origin:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_host_that_cannot_match_is_refused_at_start_up() {
    within(async {
        let site = TestSite::new();
        let named = site.site.clone().allowed_hosts(["*.example.com"]);
        let error = site.app().site(named).check().expect_err("no pattern");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`.example.com`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn contradictions_are_refused_at_start_up() {
    let site = TestSite::new().site;
    let none: [&str; 0] = [];
    let mut cookie = channels::SessionCookie::default();
    cookie.name = "a b".into();
    for wrong in [
        site.clone().backends(none),
        site.session_cookie(cookie),
        TestSite::with(channels::SecretKeys::new("")).site,
    ] {
        let app = TestSite::new().app().site(wrong);
        assert_eq!(app.check().expect_err("wrong").kind(), ErrorKind::Config);
    }
}

/// Cookies come with a form of another site, too.
#[tokio::test]
async fn requests_that_change_something_have_to_be_the_sites_own() {
    within(async {
        let site = TestSite::new();
        let pages = URLRouter::new().path("keep/<str:value>/", super::Keep::app());
        let app = site.app().http(channels::AuthMiddlewareStack::new(pages));
        for (method, origin, status) in [
            (Method::GET, "http://evil.org", StatusCode::OK),
            (Method::POST, "http://evil.org", StatusCode::FORBIDDEN),
            (Method::DELETE, "null", StatusCode::FORBIDDEN),
            (Method::POST, "http://example.com", StatusCode::OK),
        ] {
            let request = HttpCommunicator::new(&app, method, "/keep/a/")
                .header("host", "example.com")
                .header("origin", origin);
            let response = request.response().await.expect("a response");
            assert_eq!(response.status(), status, "{origin}");
        }
    })
    .await;
}

/// A path that no consumer has: the pages may have sockets of their own there.
#[tokio::test]
async fn handshakes_that_pages_answer_have_to_be_the_sites_own() {
    within(async {
        let pages = axum::Router::new().fallback(async || StatusCode::IM_A_TEAPOT);
        let by_stack = channels::AuthMiddlewareStack::new(pages.clone());
        let site = TestSite::new();
        let app = site.app().http(by_stack);
        let named = ["chat.example.com"];
        let by_name = channels::OriginValidator::new(named).expect("a host");
        let listed = site.app().http(by_name.around(pages));
        for (app, origin, status) in [
            (&app, None, StatusCode::IM_A_TEAPOT),
            (
                &app,
                Some("http://chat.example.com"),
                StatusCode::IM_A_TEAPOT,
            ),
            (&app, Some("http://evil.org"), StatusCode::FORBIDDEN),
            (&app, Some("null"), StatusCode::FORBIDDEN),
            (
                &listed,
                Some("http://chat.example.com"),
                StatusCode::IM_A_TEAPOT,
            ),
            (&listed, Some("http://evil.org"), StatusCode::FORBIDDEN),
            (&listed, None, StatusCode::FORBIDDEN),
        ] {
            let mut socket =
                WebsocketCommunicator::new(app, "/pages/").header("host", "chat.example.com");
            if let Some(origin) = origin {
                socket = socket.header("origin", origin);
            }
            let refused = socket.connect().await.expect_err("no socket");
            assert_eq!(refused.status(), status, "{origin:?}");
        }
    })
    .await;
}
