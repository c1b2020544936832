//! The headers that protect pages with forms.

use http::header::{self, HeaderName, HeaderValue};

use crate::app::Response;

/// What a Django site sends by default: `XFrameOptionsMiddleware`, `SecurityMiddleware`, and
/// `never_cache`, which its `LoginView` has.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        header::CACHE_CONTROL,
        "max-age=0, no-cache, no-store, must-revalidate, private",
    ),
];

/// A response of a page that no other page may frame, and no cache may keep.
pub(super) fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let now = httpdate::fmt_http_date(std::time::SystemTime::now());
    if let Ok(now) = HeaderValue::try_from(now) {
        headers.insert(header::EXPIRES, now);
    }
    response
}
