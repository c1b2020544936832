//! What a request's head has to be before anything else looks at it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode, Uri, Version};

use super::{Body, Response, refusal};
use crate::scope::is_authority;

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
    Ok(())
}

fn check<B>(request: &Request<B>) -> Result<(), &'static str> {
    check_target(request.uri())?;
    check_host(request)?;
    check_coding(request.headers())?;
    let mut values = request.headers().values();
    if values.any(ends_a_line) {
        return Err("a header holds a line's end");
    }
    Ok(())
}

/// Text in a target comes as escapes (RFC 3986 §2); and nobody but a proxy is asked for the targets
/// of other protocols.
fn check_target(uri: &Uri) -> Result<(), &'static str> {
    if !uri
        .path_and_query()
        .is_none_or(|path| path.as_str().is_ascii())
    {
        return Err("the target must be ASCII");
    }
    match uri.scheme_str() {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err("the target is of another protocol"),
    }
}

/// RFC 9112 §3.2. A target that names its host itself must name the same: the RFC lets it win over
/// `Host`, but applications read `Host`.
fn check_host<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => Err("the header `Host` stands twice"),
        (Some(host), None) => {
            let host = host.to_str().ok().filter(|host| is_authority(host));
            let host = host.ok_or("the header `Host` is no host")?;
            if target.is_some_and(|target| !target.eq_ignore_ascii_case(host)) {
                return Err("the target is of another host than the header `Host`");
            }
            Ok(())
        }
        (None, _) if request.version() == Version::HTTP_11 => Err("the header `Host` is missing"),
        (None, _) if target.is_some_and(|target| !is_authority(target)) => {
            Err("the target's host is none")
        }
        (None, _) => Ok(()),
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
    let is_lookalike = |name: &&HeaderName| name.as_str().contains('_');
    let lookalikes: Vec<_> = headers.keys().filter(is_lookalike).cloned().collect();
    for name in lookalikes {
        tracing::debug!(%name, "a header with `_` in its name was dropped");
        headers.remove(name);
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
