//! Only the site's own pages.

use super::{deny, is_plausible, origin};
use crate::app::Response;
use crate::middleware::{Middleware, Next, Provides};

/// Lets only pages of the same host and port open sockets, and answers others with 403: what to use
/// where nobody wrote down which origins there are.
///
/// An `Origin` is allowed if its host and port are those that the client asks for
/// ([`Scope::host`](crate::Scope::host)): the header `Host`, or what a
/// [trusted proxy](crate::TrustedProxies) forwards. The scheme is not compared, since behind a proxy that
/// ends TLS the server does not see it. A request without an `Origin` is allowed: browsers always send it
/// with a handshake, and with a plain request that may change something. An `Origin` that no browser
/// sends is refused: one that occurs several times, or that has other bytes than visible ASCII.
///
/// A page whose own name leads to this server's address ("DNS rebinding") is of the same origin, but
/// a browser sends it no cookies of the site. Where even that is too much, name the hosts:
/// [`AllowedHostsOriginValidator`](crate::AllowedHostsOriginValidator).
///
/// # Examples
///
/// ```
/// use channels_runtime::{Middleware, SameOriginValidator, URLRouter};
///
/// let app = SameOriginValidator.around(<URLRouter>::new());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SameOriginValidator;

impl Middleware for SameOriginValidator {
    fn provides(&self) -> Provides {
        Provides::Nothing
    }

    async fn call(&self, next: Next<'_>) -> Response {
        let Some(origin) = origin(next.scope()) else {
            return next.run().await;
        };
        match next.scope().host() {
            Some(host) if is_same(&origin, host) && is_plausible(next.scope()) => next.run().await,
            _ => deny(next, Some(&origin)),
        }
    }
}

/// Whether an origin, as browsers write it (RFC 6454 §6.2), is of a host and port.
fn is_same(origin: &str, host: &str) -> bool {
    let (place, port) = match origin.split_once("://") {
        Some((scheme, place)) if scheme.eq_ignore_ascii_case("http") => (place, ":80"),
        Some((scheme, place)) if scheme.eq_ignore_ascii_case("https") => (place, ":443"),
        _ => return false,
    };
    let place = place.strip_suffix(port).unwrap_or(place);
    let host = host.strip_suffix(port).unwrap_or(host);
    !place.is_empty() && place.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn an_origin_is_compared_with_the_host() {
        let same = [
            ("http://example.com", "example.com"),
            ("https://example.com", "EXAMPLE.com"),
            ("http://example.com", "example.com:80"),
            ("https://example.com", "example.com:443"),
            ("https://example.com:443", "example.com"),
            ("http://localhost:8000", "localhost:8000"),
            ("http://[::1]:8000", "[::1]:8000"),
        ];
        for (origin, host) in same {
            assert!(is_same(origin, host), "{origin} {host}");
        }
        let others = [
            ("http://evil.org", "example.com"),
            ("http://example.com.evil.org", "example.com"),
            ("http://sub.example.com", "example.com"),
            ("http://example.com@evil.org", "example.com"),
            ("http://evil.org\\@example.com", "example.com"),
            ("http://example.com/", "example.com"),
            ("http://example.com:8000", "example.com"),
            ("http://example.com", "example.com:8000"),
            ("https://example.com:80", "example.com"),
            ("https://example.com", "example.com:80"),
            ("ws://example.com", "example.com"),
            ("null", "example.com"),
            ("null", "null"),
            ("", ""),
            ("http://", ""),
            ("example.com", "example.com"),
        ];
        for (origin, host) in others {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
    }
}
