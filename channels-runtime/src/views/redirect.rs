//! Where to go on.

use http::StatusCode;
use http::header::{self, HeaderValue};

use crate::Result;
use crate::app::{Response, refusal};
use crate::{Error, ErrorKind};

/// The field and the parameter that say where a visitor wanted to go.
pub(super) const NEXT: &str = "next";

/// Sends the browser to a page, by GET.
///
/// # Errors
///
/// [`ErrorKind::Config`] if the path is none that a header holds.
pub(super) fn see_other(path: &str) -> Result<Response> {
    let location = HeaderValue::try_from(path).map_err(|error| {
        let what = format!("{path:?} is no path to go on to");
        Error::caused(ErrorKind::Config, what, error)
    })?;
    let mut response = refusal(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Whether a path is one of this site's: a link to the login page must not lead to another site
/// behind it. Browsers take `//host` and `/\host` for other sites, and pass over control characters.
pub(super) fn is_own(path: &str) -> bool {
    let mut characters = path.chars();
    characters.next() == Some('/')
        && !matches!(characters.next(), Some('/' | '\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away() {
        for own in ["/", "/chat/", "/chat/?a=b&c=%0A#d", "/a//b"] {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "",
            "chat/",
            "//evil.org",
            "/\\evil.org",
            "https://evil.org",
            "javascript:alert(1)",
            "/\t/evil.org",
            "/a\r\nset-cookie: a=b",
            " /chat/",
            "/caf\u{e9}",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
