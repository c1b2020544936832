//! "Cannot be read" is not "absent": what a security decision rests on, sent as no client sends it.

use channels::prelude::*;
use channels::{
    AuthMiddlewareStack, CsrfMiddleware, Middleware, OriginValidator, SameOriginValidator,
    SessionMiddlewareStack, TrustedProxies,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{Running, within};
use super::{Browser, TestSite, sockets};

const UPGRADE: &str = "Connection: close, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The status of the answer to a head.
async fn status(server: &Running, head: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    within(stream.write_all(head)).await.expect("written");
    let mut start = [0; 12];
    within(stream.read_exact(&mut start))
        .await
        .expect("an answer");
    String::from_utf8_lossy(&start[9..]).into_owned()
}

/// Lines of `Origin` that are not of the site `a.example`, or that no browser sends.
const ORIGINS: [&[u8]; 16] = [
    b"Origin: https://evil.example",
    b"Origin: https://evil.example/\xff",
    b"Origin: https://evil.example\xff",
    b"Origin: \xff",
    b"Origin: \xffhttps://a.example",
    b"Origin: https://a.example/\xff",
    b"Origin: https://a.example\xff",
    b"Origin: https://a.example\xc3\xa9",
    b"Origin: \xe9.a.example",
    b"Origin: https://a.example, https://evil.example",
    b"Origin: https://evil.example\r\nOrigin: https://a.example",
    b"Origin: https://a.example\r\nOrigin: https://evil.example",
    b"Origin: \xff\r\nOrigin: https://a.example",
    b"Origin: https://a.example\r\nOrigin: \xff",
    b"Origin: https://a.example\r\nOrigin: https://a.example",
    b"Origin: null",
];

async fn logged_in(app: &ProtocolTypeRouter) -> String {
    let mut browser = Browser::new(app);
    assert_eq!(
        browser.log_in("alice", "secret").await,
        StatusCode::SEE_OTHER
    );
    browser.cookie()
}

#[tokio::test]
async fn an_origin_that_cannot_be_read_is_not_absent() {
    let site = TestSite::new();
    site.add_user("alice", "secret").await;
    let named = site.site.clone().allowed_hosts([".a.example"]);
    let listed = OriginValidator::new(["https://a.example"]).expect("an origin");
    let pages = axum::Router::new().fallback(async || "a page");
    let apps = [
        ("the stack", site.app()),
        ("named hosts", site.app().site(named)),
        (
            "sessions",
            site.app().websocket(SessionMiddlewareStack::new(sockets())),
        ),
        ("a list", site.app().websocket(listed.around(sockets()))),
        (
            "the same origin",
            site.app().websocket(SameOriginValidator.around(sockets())),
        ),
        (
            "pages with sockets",
            ProtocolTypeRouter::new()
                .site(site.site.clone())
                .http(AuthMiddlewareStack::new(pages)),
        ),
    ];
    let cookie = logged_in(&site.app()).await;
    for (what, app) in apps {
        let server = Running::start(&app).await;
        let head = format!("GET /ws/ HTTP/1.1\r\nHost: a.example\r\nCookie: {cookie}\r\n{UPGRADE}");
        for is_odd in [false, true] {
            // So many headers only hyper reads.
            let odd = "X: y\r\n".repeat(if is_odd { 40 } else { 0 });
            let request =
                |origin: &[u8]| [head.as_bytes(), odd.as_bytes(), origin, b"\r\n\r\n"].concat();
            for origin in ORIGINS {
                let status = status(&server, &request(origin)).await;
                let origin = String::from_utf8_lossy(origin);
                assert_eq!(status, "403", "{what}: {origin}");
            }
            let status = status(&server, &request(b"Origin: https://a.example")).await;
            let expected = if what.starts_with("pages") {
                "200"
            } else {
                "101"
            };
            assert_eq!(status, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn a_request_that_changes_something_shows_its_origin_once() {
    let site = TestSite::new();
    site.add_user("alice", "secret").await;
    let pages = URLRouter::new().path("keep/<str:value>/", super::Keep::app());
    let by_stack = site.app().http(AuthMiddlewareStack::new(pages.clone()));
    let by_token = site
        .app()
        .http(CsrfMiddleware::new().around(SessionMiddlewareStack::new(pages)));
    let mut browser = Browser::new(&site.app());
    browser.get("/login/").await;
    let token = browser.cookies["csrftoken"].clone();
    let form = "a=b";
    for (app, own) in [(by_stack, "200"), (by_token, "200")] {
        let server = Running::start(&app).await;
        let head = format!(
            "POST /keep/x/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\
             Cookie: csrftoken={token}\r\nX-CSRFToken: {token}\r\nContent-Length: {}\r\n",
            form.len()
        );
        let request =
            |lines: &[u8]| [head.as_bytes(), lines, b"\r\n\r\n", form.as_bytes()].concat();
        for origin in ORIGINS {
            let status = status(&server, &request(origin)).await;
            let origin = String::from_utf8_lossy(origin);
            assert_eq!(status, "403", "{origin}");
        }
        let good = status(&server, &request(b"Origin: http://a.example")).await;
        assert_eq!(good, own);
    }
}

/// Django's tokens: two readers could take different ones.
#[tokio::test]
async fn a_csrf_token_is_shown_once() {
    let site = TestSite::new();
    let pages = URLRouter::new().path("keep/<str:value>/", super::Keep::app());
    let app = site
        .app()
        .http(CsrfMiddleware::new().around(SessionMiddlewareStack::new(pages)));
    let mut browser = Browser::new(&site.app());
    browser.get("/login/").await;
    let token = browser.cookies["csrftoken"].clone();
    let server = Running::start(&app).await;
    let other = "x".repeat(32);
    for (headers, form, expected) in [
        (format!("X-CSRFToken: {token}\r\n"), String::new(), "200"),
        (
            format!("X-CSRFToken: {token}\r\nX-CSRFToken: {other}\r\n"),
            String::new(),
            "403",
        ),
        (
            format!("X-CSRFToken: {other}\r\nX-CSRFToken: {token}\r\n"),
            String::new(),
            "403",
        ),
        (String::new(), format!("csrfmiddlewaretoken={token}"), "200"),
        // Of a field that occurs several times, Django reads the last.
        (
            String::new(),
            format!("csrfmiddlewaretoken={token}&csrfmiddlewaretoken={other}"),
            "403",
        ),
        (
            String::new(),
            format!("csrfmiddlewaretoken={other}&csrfmiddlewaretoken={token}"),
            "200",
        ),
    ] {
        let request = format!(
            "POST /keep/x/ HTTP/1.1\r\nHost: a.example\r\nOrigin: http://a.example\r\n\
             Cookie: csrftoken={token}\r\nConnection: close\r\n{headers}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let status = status(&server, request.as_bytes()).await;
        assert_eq!(status, expected, "{headers}{form}");
    }
}

/// A browser asks the proxy for the site's name; the proxy asks this server by another.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn behind_a_trusted_proxy_the_forwarded_host_is_the_site_s() {
    let site = TestSite::new();
    let proxies = || TrustedProxies::new(["127.0.0.1"]);
    let (by_name, standard) = (proxies().x_forwarded_host(), proxies().forwarded());
    for (proxies, lines, origin, expected) in [
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: a.example",
            "https://a.example",
            "101",
        ),
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: a.example:443",
            "https://a.example",
            "101",
        ),
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: evil.example, a.example",
            "https://a.example",
            "101",
        ),
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: a.example",
            "http://internal:8000",
            "403",
        ),
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: a.example",
            "https://evil.example",
            "403",
        ),
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: evil.example, a.example",
            "https://evil.example",
            "403",
        ),
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: a.example:8443",
            "https://a.example",
            "403",
        ),
        // What the proxy names and is not a host does not stand aside for `Host`.
        (
            Some(by_name.clone()),
            "X-Forwarded-Host: a.example/",
            "http://internal:8000",
            "400",
        ),
        (Some(by_name), "X-Other: y", "http://internal:8000", "101"),
        (
            Some(standard.clone()),
            "Forwarded: host=a.example;proto=https",
            "https://a.example",
            "101",
        ),
        (
            Some(standard.clone()),
            "Forwarded: host=\"a b\"",
            "http://internal:8000",
            "400",
        ),
        (
            Some(standard),
            "Forwarded: host=a.example",
            "http://internal:8000",
            "403",
        ),
        (
            Some(proxies()),
            "X-Forwarded-Host: a.example",
            "https://a.example",
            "403",
        ),
        (
            None,
            "X-Forwarded-Host: a.example",
            "https://a.example",
            "403",
        ),
        (
            None,
            "X-Forwarded-Host: a.example",
            "http://internal:8000",
            "101",
        ),
    ] {
        let stack = site.app();
        let same = site.app().websocket(SameOriginValidator.around(sockets()));
        for mut app in [stack, same] {
            if let Some(proxies) = proxies.clone() {
                app = app.trusted_proxies(proxies);
            }
            let server = Running::start(&app).await;
            let request = format!(
                "GET /ws/ HTTP/1.1\r\nHost: internal:8000\r\n{UPGRADE}{lines}\r\nOrigin: {origin}\r\n\r\n"
            );
            let status = status(&server, request.as_bytes()).await;
            assert_eq!(status, expected, "{lines}, {origin}, {proxies:?}");
        }
    }
}
