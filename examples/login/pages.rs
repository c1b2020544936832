//! The pages: for those who are logged in; others are shown the way.

use channels::prelude::*;
use channels::{CsrfToken, User};

/// Scripts and styles of this site alone, and no markup from text.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Where one chooses a room.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct Home;

#[consumer]
impl Home {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        show(http, include_str!("static/home.html")).await
    }
}

/// A room. Its script reads the room's name off the address.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct RoomPage;

#[consumer]
impl RoomPage {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        show(http, include_str!("static/room.html")).await
    }
}

/// What the pages load.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct File;

#[consumer]
impl File {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let (kind, text) = match http.url_kwarg::<String>("name")?.as_str() {
            "room.js" => (
                "text/javascript; charset=utf-8",
                include_str!("static/room.js"),
            ),
            "home.js" => (
                "text/javascript; charset=utf-8",
                include_str!("static/home.js"),
            ),
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

/// Shows a page to a user; who is not logged in goes to do that, and then comes back.
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

/// A user's name holds no markup: Django allows letters, digits and `@.+-_`; a token neither. But a
/// table can hold whatever somebody once put there.
fn filled(page: &str, user: &User, token: &str) -> String {
    let name = user.username();
    let name = name
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    page.replace("{name}", &name).replace("{token}", token)
}
