//! What a request's head has to be before anything else looks at it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri, Version};

use super::{Body, Response, refusal};
use crate::log::{Excerpt, LogLimit};
use crate::scope::{is_authority, is_same_authority};

/// Refuses a request that two readers could take for two different ones, and takes out the headers
/// that could pass for others.
///
/// The HTTP server has refused already what is no HTTP: control characters, line folding, names with
/// spaces, lengths that contradict each other. Of `Content-Length` beside `Transfer-Encoding` it takes
/// the latter, and closes behind the answer (RFC 9112 §6.3).
///
/// # Errors
///
/// The 400.
pub(crate) fn clean<B>(request: &mut Request<B>) -> Result<(), Box<Response>> {
    check(request).map_err(|mistake| Box::new(bad_request(mistake, request.version())))?;
    remove_lookalikes(request.headers_mut());
    hide_secrets(request.headers_mut());
    Ok(())
}

fn check<B>(request: &Request<B>) -> Result<(), &'static str> {
    check_target(request)?;
    check_host(request)?;
    check_coding(request.headers())?;
    let mut values = request.headers().values();
    if values.any(ends_a_line) {
        return Err("a header holds a line's end");
    }
    Ok(())
}

/// Accepts the origin-form, the absolute-form of HTTP, and `*` for OPTIONS (RFC 9112 §3.2). The
/// authority-form is only for CONNECT, which is for proxies; it has no path. Text in a target is
/// percent-encoded (RFC 3986 §2).
fn check_target<B>(request: &Request<B>) -> Result<(), &'static str> {
    let uri = request.uri();
    if !uri
        .path_and_query()
        .is_none_or(|path| path.as_str().is_ascii())
    {
        return Err("the target must be ASCII");
    }
    match uri.scheme_str() {
        None if uri.authority().is_some() => return Err("the target has no path"),
        None | Some("http" | "https") => {}
        Some(_) => return Err("the target is of another protocol"),
    }
    match uri.path() {
        "*" if request.method() != Method::OPTIONS => Err("the target `*` is for OPTIONS"),
        "*" => Ok(()),
        path if path.starts_with('/') => Ok(()),
        _ => Err("the target has no path"),
    }
}

/// RFC 9112 §3.2. A target that names its host itself must name the same: the RFC lets it win over
/// `Host`, but applications read `Host`. The default port of the target's scheme may be omitted in either.
fn check_host<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let uri = request.uri();
    let target = uri.authority().map(http::uri::Authority::as_str);
    if target.is_some_and(|target| !is_authority(target)) {
        return Err("the host of the target is not valid");
    }
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => Err("the header `Host` stands twice"),
        (Some(host), None) => {
            let host = host.to_str().ok().filter(|host| is_authority(host));
            let host = host.ok_or("the header `Host` is no host")?;
            let port = default_port(uri);
            if target.is_some_and(|target| !is_same_authority(target, host, port)) {
                return Err("the target is of another host than the header `Host`");
            }
            Ok(())
        }
        (None, _) if request.version() == Version::HTTP_11 => Err("the header `Host` is missing"),
        (None, _) => Ok(()),
    }
}

/// RFC 9110 §4.2.1, §4.2.2.
fn default_port(uri: &Uri) -> u16 {
    match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    }
}

/// We know one coding. Another before it would leave its bytes to the application, as the body.
fn check_coding(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("the only transfer coding is `chunked`"),
    }
}

/// Whether a value holds a line's end that is none to HTTP, but to those who read text: U+0085,
/// U+2028, U+2029. What is not UTF-8 may be read as Latin-1.
pub(super) fn ends_a_line(value: &HeaderValue) -> bool {
    // As nearly all are: looked at many bytes at a time.
    if value.as_bytes().is_ascii() {
        return false;
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.contains(['\u{85}', '\u{2028}', '\u{2029}']),
        Err(_) => value.as_bytes().contains(&0x85),
    }
}

/// Drops headers with a `_` in their names: in a CGI's environment `X_Forwarded_For` and
/// `X-Forwarded-For` are one variable, so proxies that watch over the one let the other through.
/// nginx and Daphne drop them as well.
fn remove_lookalikes(headers: &mut HeaderMap) {
    static DROPPED: LogLimit = LogLimit::new();
    let is_lookalike = |name: &&HeaderName| name.as_str().contains('_');
    let lookalikes: Vec<_> = headers.keys().filter(is_lookalike).cloned().collect();
    for name in lookalikes {
        if let Some(suppressed) = DROPPED.permit() {
            let name = Excerpt(name.as_str().as_bytes());
            tracing::debug!(%name, suppressed, "dropped a header with `_` in its name");
        }
        headers.remove(name);
    }
}

/// Marks the values that identify a user, so that no `Debug` output of the headers shows them, also not
/// that of a tower service. Scripts in browsers send tokens as subprotocols.
fn hide_secrets(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        let is_secret = matches!(
            *name,
            header::COOKIE
                | header::AUTHORIZATION
                | header::PROXY_AUTHORIZATION
                | header::SEC_WEBSOCKET_PROTOCOL
        );
        if is_secret || name == "x-csrftoken" {
            value.set_sensitive(true);
        }
    }
}

fn bad_request(mistake: &str, version: Version) -> Response {
    let mut response: http::Response<Body> =
        refusal(StatusCode::BAD_REQUEST, format!("{mistake}\n"));
    if version <= Version::HTTP_11 {
        // Who sends such a thing may not mean the same as we by where it ends.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
