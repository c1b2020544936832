//! The session of each request and socket.

use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::{Middleware, Next, Provides};
use crate::app::{Context, Response, refusal};
use crate::log::{Excerpt, LogLimit};
use crate::session::{Finished, Session};
use crate::{Error, ErrorKind, Result};

/// Puts the client's [`Session`] into the scope, saves it and sets its cookie.
///
/// Channels' `SessionMiddleware`; here a handshake's answer sets the cookie, too. Nothing is looked
/// up for a connection that does not use its session. Where an outer one has put a session there
/// already, this one does nothing.
///
/// The cookie comes with every handshake, from every page: put an origin check around it, or use
/// [`SessionMiddlewareStack`](crate::SessionMiddlewareStack), which has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionMiddleware;

impl Middleware for SessionMiddleware {
    fn provides(&self) -> Provides {
        Provides::Session
    }

    async fn call(&self, mut next: Next<'_>) -> Response {
        if next.scope().extensions().get::<Session>().is_some() {
            return next.run().await;
        }
        let session = match next.context().site() {
            Ok(site) => Session::of_request(site.engine().clone(), next.scope()),
            Err(error) => return failed(&error),
        };
        next.scope_mut().extensions_mut().insert(session.clone());
        let response = next.run().await;
        match session.finish(response.status()).await {
            Ok(finished) => finish(response, &finished),
            Err(error) => failed(&error),
        }
    }

    fn check(&self, context: &Context) -> Result {
        context.site()?.check()
    }
}

fn finish(mut response: Response, finished: &Finished) -> Response {
    let headers = response.headers_mut();
    if let Some(cookie) = &finished.cookie
        && let Ok(mut cookie) = HeaderValue::try_from(cookie.to_string())
    {
        cookie.set_sensitive(true);
        headers.append(header::SET_COOKIE, cookie);
    }
    if finished.accessed || finished.cookie.is_some() {
        vary_by_cookie(headers);
    }
    response
}

/// RFC 9110 §12.5.5: a cache must not give one client's answer to another.
pub(super) fn vary_by_cookie(headers: &mut HeaderMap) {
    let names = headers.get_all(header::VARY).iter();
    let mut names = names.map(HeaderValue::as_bytes);
    let has = |names: &[u8]| {
        let mut names = names.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"cookie"))
    };
    if !names.any(has) {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}

/// The answer where the middleware itself cannot go on.
pub(crate) fn failed(error: &Error) -> Response {
    static UNAVAILABLE: LogLimit = LogLimit::new();
    static FAILED: LogLimit = LogLimit::new();
    let (text, source) = (error.to_string(), error.source_text());
    let (error_text, source) = (Excerpt(text.as_bytes()), Excerpt(source.as_bytes()));
    let status = match error.kind() {
        _ if error.is_of_dependency() => {
            if let Some(suppressed) = UNAVAILABLE.permit() {
                tracing::warn!(error = %error_text, %source, suppressed, "dependency unavailable in a middleware or view, responding with 503");
            }
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::SessionEnded => StatusCode::BAD_REQUEST,
        _ => {
            if let Some(suppressed) = FAILED.permit() {
                tracing::error!(error = %error_text, %source, suppressed, "a middleware failed, responding with 500");
            }
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    refusal(status, "")
}
