//! Protection of forms against other sites.

mod check;
mod secret;
#[cfg(test)]
mod tests;
mod token;

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use self::check::{Claim, TrustedOrigin};
pub use self::token::CsrfToken;
use super::session::{failed, vary_by_cookie};
use super::{Middleware, Next, Provides};
use crate::app::{Body, HttpRequest, Response, refusal};
use crate::http::read_body;
use crate::log::{Excerpt, LogLimit};
use crate::{Result, SameSite, Scope, SetCookie};

/// The field of a form that holds the token.
const FIELD: &str = "csrfmiddlewaretoken";

/// The header that holds it where a script sends the request.
const HEADER: &str = "x-csrftoken";

/// Refuses requests that another site has made its visitor's browser send (403): Django's
/// `CsrfViewMiddleware`, with the same cookie and the same tokens.
///
/// A request that may change something (any but GET, HEAD, OPTIONS and TRACE) goes on if
///
/// - its `Origin` is the site's own or a [trusted one](Self::trusted_origins); without one and behind
///   HTTPS, the `Referer` is looked at; and
/// - it holds the [`CsrfToken`] that goes with its cookie: in the field `csrfmiddlewaretoken` of an
///   URL-encoded form, or in the header `X-CSRFToken`.
///
/// Handshakes go on: they cannot hold a token, and are protected by the check of their origin in an
/// [`AuthMiddlewareStack`](crate::AuthMiddlewareStack).
///
/// # Examples
///
/// ```
/// use channels_runtime::{AuthMiddlewareStack, CsrfMiddleware, HttpApp, Middleware, URLRouter};
///
/// let pages = URLRouter::<dyn HttpApp>::new();
/// let app = CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages));
/// ```
#[derive(Clone, Debug)]
pub struct CsrfMiddleware {
    cookie: String,
    domain: Option<String>,
    secure: bool,
    trusted: Vec<TrustedOrigin>,
}

impl Default for CsrfMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

impl CsrfMiddleware {
    /// With Django's defaults.
    pub fn new() -> Self {
        Self {
            cookie: "csrftoken".to_owned(),
            domain: None,
            secure: false,
            trusted: Vec::new(),
        }
    }

    /// The cookie's name, instead of `csrftoken`: `CSRF_COOKIE_NAME`.
    #[must_use]
    pub fn cookie_name(self, name: impl Into<String>) -> Self {
        Self {
            cookie: name.into(),
            ..self
        }
    }

    /// The domain whose hosts share the cookie: `CSRF_COOKIE_DOMAIN`.
    #[must_use]
    pub fn cookie_domain(self, domain: impl Into<String>) -> Self {
        Self {
            domain: Some(domain.into()),
            ..self
        }
    }

    /// Whether the cookie travels by HTTPS only: `CSRF_COOKIE_SECURE`. A request that is known to have
    /// come by HTTPS gets such a one in any case.
    #[must_use]
    pub fn secure(self, secure: bool) -> Self {
        Self { secure, ..self }
    }

    /// Other sites whose forms are taken: `CSRF_TRUSTED_ORIGINS`, `https://example.org` or
    /// `https://*.example.org`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what is no such origin.
    pub fn trusted_origins<T: AsRef<str>>(
        mut self,
        origins: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        for origin in origins {
            self.trusted.push(TrustedOrigin::new(origin.as_ref())?);
        }
        Ok(self)
    }

    /// Whether the request may go on; the error is why not.
    fn check(&self, scope: &Scope, form: &[u8]) -> Result<(), String> {
        let cookie = scope.cookie(&self.cookie);
        let claim = Claim {
            scope,
            cookie: cookie.as_deref(),
            domain: self.domain.as_deref(),
            trusted: &self.trusted,
        };
        claim.check_origin()?;
        claim.check_token(form)
    }

    fn set_cookie(&self, response: &mut Response, secret: &str, is_secure: bool) -> Result {
        let year = Duration::from_secs(60 * 60 * 24 * 7 * 52);
        let mut cookie = SetCookie::new(&*self.cookie, secret)?
            .max_age(year)
            .path("/")?
            .same_site(SameSite::Lax)
            .secure(self.secure || is_secure);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(&**domain)?;
        }
        let headers = response.headers_mut();
        if let Ok(mut cookie) = HeaderValue::try_from(cookie.to_string()) {
            cookie.set_sensitive(true);
            headers.append(header::SET_COOKIE, cookie);
        }
        vary_by_cookie(headers);
        Ok(())
    }
}

impl Middleware for CsrfMiddleware {
    fn provides(&self) -> Provides {
        Provides::Csrf
    }

    async fn call(&self, mut next: Next<'_>) -> Response {
        let Some(request) = next.http_mut() else {
            return next.run().await;
        };
        if is_unsafe(request.scope().method()) {
            let form = match form(request).await {
                Ok(form) => form,
                Err(response) => return response,
            };
            if let Err(why) = self.check(request.scope(), &form) {
                log_refusal(&why, request.scope().path());
                return refusal(
                    StatusCode::FORBIDDEN,
                    format!("CSRF verification failed: {why}\n"),
                );
            }
        }
        let is_secure = next.scope().is_secure();
        let token = CsrfToken::of_cookie(next.scope().cookie(&self.cookie).as_deref());
        next.scope_mut().extensions_mut().insert(token.clone());
        let mut response = next.run().await;
        if let Some(secret) = token.to_set()
            && let Err(error) = self.set_cookie(&mut response, &secret, is_secure)
        {
            return failed(&error);
        }
        response
    }

    fn check(&self, _: &crate::Context) -> Result {
        self.set_cookie(&mut Response::default(), "", false)
            .map_err(|error| {
                let what = "the CSRF cookie's settings are wrong";
                crate::Error::caused(crate::ErrorKind::Config, what, error)
            })
    }
}

/// The reason and the path contain what the client sent.
fn log_refusal(why: &str, path: &str) {
    static REFUSED: LogLimit = LogLimit::new();
    if let Some(suppressed) = REFUSED.permit() {
        let (why, path) = (Excerpt(why.as_bytes()), Excerpt(path.as_bytes()));
        tracing::warn!(%why, %path, suppressed, "CSRF verification failed, responding with 403");
    }
}

/// RFC 9110 §9.2.1.
pub(super) fn is_unsafe(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// The body of a request that is a form, which then still has it; empty for another.
async fn form(request: &mut HttpRequest) -> Result<Bytes, Response> {
    let kind = request.scope().headers().get("content-type").unwrap_or("");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Bytes::new());
    }
    let body = request.take_body();
    let context = request.context().clone();
    let bytes = read_body(body, request.scope().headers(), &context).await?;
    request.put_body(Body::from(bytes.clone()));
    Ok(bytes)
}
