//! The pages, for users who are logged in. Other visitors are redirected to the login page.

use channels::prelude::*;
use channels::{CsrfToken, User};

/// Allows scripts and styles of this site only. Trusted types keep text from becoming markup.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The start page: choose a room.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct Home;

#[consumer]
impl Home {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        show(http, include_str!("static/home.html")).await
    }
}

/// The page of a room. Its script reads the room name from the address.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct RoomPage;

#[consumer]
impl RoomPage {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        show(http, include_str!("static/room.html")).await
    }
}

/// A script or style that the pages load.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct File;

#[consumer]
impl File {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let (kind, text) = match http.url_kwarg::<String>("name")?.as_str() {
            "connection.js" => (SCRIPT, include_str!("../../shared/connection.js")),
            "home.js" => (SCRIPT, include_str!("static/home.js")),
            "room.js" => (SCRIPT, include_str!("static/room.js")),
            "style.css" => ("text/css; charset=utf-8", include_str!("static/style.css")),
            _ => {
                return http
                    .send_response(StatusCode::NOT_FOUND, "not found\n")
                    .await;
            }
        };
        http.send_response(StatusCode::OK, text)
            .header("content-type", kind)
            .header("x-content-type-options", "nosniff")
            .await
    }
}

/// Shows a page to a user. Redirects other visitors to the login page, which leads back here.
async fn show(http: &mut HttpExchange, page: &str) -> Result {
    let user = http.user().await?;
    if !user.is_authenticated() {
        let login = format!("/login/?next={}", http.scope().raw_path());
        return http
            .send_response(StatusCode::SEE_OTHER, "")
            .header("location", &login)
            .await;
    }
    let page = filled(page, &user, &CsrfToken::of(http.scope())?.value()?);
    http.send_response(StatusCode::OK, page)
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", CONTENT_SECURITY_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .await
}

/// Fills in the user name and the CSRF token. Django allows no markup in user names, but the table may
/// have been written by another program, so the name is escaped.
fn filled(page: &str, user: &User, token: &str) -> String {
    let name = user.username();
    let name = name
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    page.replace("{name}", &name).replace("{token}", token)
}
