//! CSRF tokens and origins: a form of another site is never taken.

use bytes::Bytes;
use channels::{CsrfMiddleware, Middleware, ProtocolTypeRouter};
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::ServiceExt;

use crate::support::{NoContent, block_on, line};

thread_local! {
    static APP: ProtocolTypeRouter = {
        let csrf = CsrfMiddleware::new().trusted_origins(["https://*.trusted.example"]);
        ProtocolTypeRouter::new().http(csrf.expect("an origin").around(NoContent))
    };
}

/// The lines are the cookie, the `Origin`, the header `X-CSRFToken` and the form.
pub fn csrf(mut data: &[u8]) {
    let (cookie, origin) = (line(&mut data), line(&mut data));
    let (token, form) = (line(&mut data), data);
    let mut request = Request::post("/")
        .header("host", "site.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", [b"csrftoken=", cookie].concat());
    if !origin.is_empty() {
        request = request.header("origin", origin);
    }
    if !token.is_empty() {
        request = request.header("x-csrftoken", token);
    }
    let Ok(request) = request.body(Full::new(Bytes::copy_from_slice(form))) else {
        return;
    };
    let app = APP.with(ProtocolTypeRouter::clone);
    let response = block_on(app.oneshot(request)).expect("it never fails");
    match response.status() {
        StatusCode::NO_CONTENT => {
            assert!(is_own(origin), "{origin:?}");
            // Of several, the last one counts, as in Django.
            let fields = form_urlencoded::parse(form);
            let field = fields
                .filter(|(name, _)| name == "csrfmiddlewaretoken")
                .last();
            let field = field.map(|(_, value)| value.into_owned().into_bytes());
            let given = field
                .filter(|field| !field.is_empty())
                .unwrap_or(token.to_vec());
            let secret = secret(trimmed(cookie)).expect("a valid cookie");
            assert_eq!(self::secret(trimmed(&given)), Some(secret));
        }
        // A value that holds the end of a line, in whatever encoding, is refused before.
        StatusCode::BAD_REQUEST => {
            let values = [cookie, origin, token];
            assert!(values.iter().any(|value| !value.is_ascii()), "{values:?}");
        }
        status => assert_eq!(status, StatusCode::FORBIDDEN),
    }
}

fn is_own(origin: &[u8]) -> bool {
    let origin = trimmed(origin).to_ascii_lowercase();
    origin.is_empty()
        || origin == b"http://site.example"
        // As in Django, a `*.` stands for the domain as well.
        || origin == b"https://trusted.example"
        || (origin.starts_with(b"https://") && origin.ends_with(b".trusted.example"))
}

/// A header's value, and a cookie's, have no space around them and may be quoted.
fn trimmed(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    quoted.unwrap_or(value)
}

/// Django's `_unmask_cipher_token`.
fn secret(token: &[u8]) -> Option<Vec<u8>> {
    let place = |byte: &u8| match byte {
        b'a'..=b'z' => Some(byte - b'a'),
        b'A'..=b'Z' => Some(byte - b'A' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        _ => None,
    };
    let places = token.iter().map(place).collect::<Option<Vec<u8>>>()?;
    match places.len() {
        32 => Some(places),
        64 => {
            let (mask, cipher) = places.split_at(32);
            Some(
                cipher
                    .iter()
                    .zip(mask)
                    .map(|(cipher, mask)| (62 + cipher - mask) % 62)
                    .collect(),
            )
        }
        _ => None,
    }
}
