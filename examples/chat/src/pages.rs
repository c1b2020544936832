//! The pages and the files that they load, compiled into the program.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;

/// Allows scripts, styles and connections of this site only, and pictures received over a socket.
/// Trusted types keep scripts from turning text into markup by mistake.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' blob:; \
    object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";

macro_rules! files {
    ($($name:literal)*) => {
        /// Files that the pages load, by name.
        const FILES: &[(&str, &str)] = &[
            ("connection.js", include_str!("../../shared/connection.js")),
            $(($name, include_str!(concat!("static/", $name)))),*
        ];
    };
}

files! {
    "composer.js" "dom.js" "downloads.js" "filecard.js" "icon.svg" "log.js" "message.js"
    "naming.js" "pieces.js" "remembered.js" "room.js" "rooms.js" "state.js" "style.css"
    "typing.js" "uploads.js"
}

pub(crate) fn router() -> Router {
    Router::new()
        .route(
            "/",
            get(|| async { page(HTML, include_str!("static/rooms.html")) }),
        )
        .route("/room/{room}/", get(room))
        .route("/room/{room}", get(room_without_slash))
        .route("/static/{name}", get(file))
}

/// Serves the same page for every room: its script reads the room name from the address.
async fn room(Path(room): Path<String>) -> impl IntoResponse {
    check(&room)?;
    Ok::<_, NoRoom>(page(HTML, include_str!("static/room.html")))
}

async fn room_without_slash(Path(room): Path<String>) -> impl IntoResponse {
    check(&room)?;
    Ok::<_, NoRoom>(Redirect::permanent(&format!("/room/{room}/")))
}

type NoRoom = (StatusCode, &'static str);

/// Accepts the room names that `<slug:room>` accepts in the address of the socket.
fn check(room: &str) -> Result<(), NoRoom> {
    let is_slug = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if room.bytes().all(is_slug) {
        return Ok(());
    }
    let why = "A room name may contain letters, digits, - and _ only.\n";
    Err((StatusCode::NOT_FOUND, why))
}

async fn file(Path(name): Path<String>) -> impl IntoResponse {
    let (name, text) = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or(StatusCode::NOT_FOUND)?;
    let content_type = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    Ok::<_, StatusCode>(page(content_type, text))
}

fn page(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
