//! Which pages may open a socket: the `Origin` that every browser sends with a handshake.
//!
//! Browsers send cookies with a handshake to any site, whatever page opens it, and no CORS protects
//! sockets: a site that knows its users by cookies has to look at the origin (cross-site WebSocket
//! hijacking).

mod pattern;
mod same;
pub(super) mod url;

use http::{Method, StatusCode};

use self::pattern::Pattern;
use self::url::Url;
use super::{Middleware, Next, Provides};
use crate::app::Response;
use crate::log::{Excerpt, LogLimit};
use crate::{Error, ErrorKind, Result, Scope};

#[cfg(feature = "auth")]
pub(super) use self::pattern::is_same_domain;
pub use self::same::SameOriginValidator;

/// Lets pages of the given origins open sockets, and answers others with 403: Channels'
/// `OriginValidator`.
///
/// A pattern is one of
/// - `example.com`: the host, whatever the scheme and the port;
/// - `.example.com`: the domain and all below it;
/// - `https://example.com`, `https://.example.com:8443`: the scheme and the port as well, where none
///   is the scheme's own;
/// - `*`: every origin, and requests without one.
///
/// A handshake without an `Origin` comes from no browser, and is refused unless `*` is allowed. What is
/// not an origin (`http://[::1`) is refused, where Channels responds with 500. So is what no browser
/// sends: an `Origin` that occurs several times, of which Channels reads the last, and one with other
/// bytes than visible ASCII.
///
/// Plain requests are judged by the same rules, but those that change nothing (GET, HEAD, OPTIONS)
/// need no `Origin`, since browsers send none with them. Channels validates no plain requests.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Middleware, OriginValidator, URLRouter};
///
/// # fn main() -> channels_runtime::Result {
/// let origins = OriginValidator::new(["https://example.com", ".example.org"])?;
/// let app = origins.around(<URLRouter>::new());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OriginValidator {
    patterns: Vec<Pattern>,
}

impl OriginValidator {
    /// A validator that allows what one of the patterns means; without patterns, nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a pattern that no browser's origin can match, such as
    /// `localhost:3000` or `*.example.com`, which are silently useless in Channels; the error says
    /// what to write instead.
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self> {
        let patterns = patterns.into_iter();
        let patterns = patterns.map(|pattern| Pattern::new(pattern.as_ref()));
        Ok(Self {
            patterns: patterns.collect::<Result<_>>()?,
        })
    }

    /// Whether a header's value is allowed; `None` is a request without one.
    fn allows(&self, origin: Option<&str>) -> bool {
        let Ok(origin) = origin.map(Url::parse).transpose() else {
            return false;
        };
        for pattern in &self.patterns {
            match pattern.matches(origin.as_ref()) {
                Ok(false) => {}
                Ok(true) => return true,
                Err(url::Malformed) => return false,
            }
        }
        false
    }
}

impl Middleware for OriginValidator {
    fn provides(&self) -> Provides {
        Provides::Nothing
    }

    async fn call(&self, next: Next<'_>) -> Response {
        let origin = origin(next.scope());
        let is_allowed = (origin.is_none() && needs_none(&next)) || self.allows(origin.as_deref());
        if is_allowed && is_plausible(next.scope()) {
            return next.run().await;
        }
        deny(next, origin.as_deref())
    }
}

/// Lets the pages of the site's own hosts open sockets: Channels' `AllowedHostsOriginValidator`.
///
/// It takes Django's `ALLOWED_HOSTS`, which have no schemes; for what it does, see
/// [`OriginValidator`].
///
/// # Examples
///
/// ```
/// use channels_runtime::{AllowedHostsOriginValidator, Middleware, URLRouter};
///
/// # fn main() -> channels_runtime::Result {
/// let origins = AllowedHostsOriginValidator::new(["example.com", "www.example.com"])?;
/// let app = origins.around(<URLRouter>::new());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AllowedHostsOriginValidator(OriginValidator);

impl AllowedHostsOriginValidator {
    /// A validator for these hosts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a host with a scheme, and for one that cannot match.
    pub fn new<H: AsRef<str>>(allowed_hosts: impl IntoIterator<Item = H>) -> Result<Self> {
        let validator = OriginValidator::new(allowed_hosts)?;
        for pattern in &validator.patterns {
            if let Pattern::Origin { host, .. } = pattern {
                let message = format!("an allowed host has no scheme: write `{host}`");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(Self(validator))
    }

    /// A validator for a site in development: `localhost`, `127.0.0.1` and `[::1]`, which Django
    /// allows while `DEBUG` is on and `ALLOWED_HOSTS` is empty.
    pub fn localhost() -> Self {
        let hosts = ["localhost", "127.0.0.1", "::1"];
        Self(OriginValidator {
            patterns: hosts.map(|host| Pattern::Host(host.to_owned())).into(),
        })
    }
}

impl Middleware for AllowedHostsOriginValidator {
    fn provides(&self) -> Provides {
        Provides::Nothing
    }

    async fn call(&self, next: Next<'_>) -> Response {
        self.0.call(next).await
    }
}

/// The last `Origin` of a request, as Latin-1.
fn origin(scope: &Scope) -> Option<String> {
    let origin = scope.headers().get_all_bytes("origin").last()?;
    Some(origin.iter().map(|&byte| char::from(byte)).collect())
}

/// Whether a browser could have sent the `Origin`: at most once, and in visible ASCII (RFC 6454 §7). Two
/// readers may understand any other differently.
fn is_plausible(scope: &Scope) -> bool {
    let mut origins = scope.headers().get_all_bytes("origin");
    let is_ascii = |origin: &[u8]| origin.iter().all(u8::is_ascii_graphic);
    origins.next().is_none_or(is_ascii) && origins.next().is_none()
}

/// Whether browsers send no origin with such a request.
fn needs_none(next: &Next<'_>) -> bool {
    let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(next.scope().method());
    is_safe && !next.asks_for_socket()
}

fn deny(next: Next<'_>, origin: Option<&str>) -> Response {
    static DENIED: LogLimit = LogLimit::new();
    if let Some(suppressed) = DENIED.permit() {
        let origin = origin.map(|origin| Excerpt(origin.as_bytes()));
        let path = Excerpt(next.scope().path().as_bytes());
        tracing::warn!(?origin, %path, suppressed, "origin not allowed, responding with 403");
    }
    next.deny(StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests;
