//! What a request has to show: Django's rules.

use super::super::origin::is_same_domain;
use super::super::origin::url::Url;
use super::secret::{is_same, unmask};
use super::{FIELD, HEADER};
use crate::log::Excerpt;
use crate::scope::Repeated;
use crate::{Error, ErrorKind, Result, Scope};

/// What a request shows, and what it is measured by.
pub(super) struct Claim<'a> {
    pub(super) scope: &'a Scope,
    pub(super) cookie: Option<&'a str>,
    /// The domain whose hosts share the cookie.
    pub(super) domain: Option<&'a str>,
    pub(super) trusted: &'a [TrustedOrigin],
}

impl Claim<'_> {
    /// Where the request comes from: Django's `_origin_verified` and `_check_referer`.
    pub(super) fn check_origin(&self) -> Result<(), String> {
        if let Some(origin) = self.header("origin")? {
            let own = self.scope.host().map(|host| self.origin_of(host));
            if own.as_deref() == Some(origin) || self.is_trusted(origin) {
                return Ok(());
            }
            let origin = Excerpt(origin.as_bytes());
            return Err(format!("the origin {origin:?} is not trusted"));
        }
        if !self.scope.is_secure() {
            return Ok(());
        }
        let referer = self.header("referer")?.ok_or("there is no Referer")?;
        let url = Url::parse(referer).map_err(|_| "the Referer is malformed")?;
        if url.scheme != "https" {
            return Err("the Referer is insecure while the host is secure".to_owned());
        }
        let own = self.domain.or(self.scope.host()).unwrap_or_default();
        let is_known = is_same_domain(&url.netloc, own)
            || self
                .trusted
                .iter()
                .any(|trusted| is_same_domain(&url.netloc, &trusted.domain));
        if !url.netloc.is_empty() && is_known {
            return Ok(());
        }
        let referer = Excerpt(referer.as_bytes());
        Err(format!("the Referer {referer:?} is not trusted"))
    }

    /// The value of a header. The error is that it occurs more than once.
    fn header(&self, name: &str) -> Result<Option<&str>, String> {
        let value = self.scope.headers().get_only(name);
        value.map_err(|Repeated| format!("the header `{name}` occurs more than once"))
    }

    /// Whether the token goes with the cookie: Django's `_check_token`.
    pub(super) fn check_token(&self, form: &[u8]) -> Result<(), String> {
        let cookie = self.cookie.ok_or("there is no CSRF cookie")?;
        let secret = unmask(cookie).map_err(|why| format!("the CSRF cookie {why}"))?;
        // Of a field that occurs several times, Django reads the last.
        let fields = form_urlencoded::parse(form).filter(|(name, _)| name == FIELD);
        let field = fields.last().map(|(_, value)| value);
        let given = match &field {
            Some(field) if !field.is_empty() => &**field,
            _ => self.header(HEADER)?.unwrap_or_default(),
        };
        if given.is_empty() {
            return Err("there is no CSRF token".to_owned());
        }
        let given = unmask(given).map_err(|why| format!("the CSRF token {why}"))?;
        if is_same(&given, &secret) {
            return Ok(());
        }
        Err("the CSRF token is incorrect".to_owned())
    }

    fn origin_of(&self, host: &str) -> String {
        format!("{}://{host}", self.scope.scheme())
    }

    fn is_trusted(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else {
            return false;
        };
        let matches = |trusted: &TrustedOrigin| {
            trusted.scheme == url.scheme && is_same_domain(&url.netloc, &trusted.domain)
        };
        !url.netloc.is_empty() && self.trusted.iter().any(matches)
    }
}

/// A setting of `CSRF_TRUSTED_ORIGINS`.
#[derive(Clone, Debug)]
pub(super) struct TrustedOrigin {
    scheme: String,
    /// A host with its port, or, after a dot, the domain and all below it.
    domain: String,
}

impl TrustedOrigin {
    pub(super) fn new(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let text = text.escape_debug();
            let what = format!("`{text}` is no trusted origin: {why}");
            Error::new(ErrorKind::Config, what)
        };
        let like = "write `https://example.org` or `https://*.example.org`";
        let url = Url::parse(text).map_err(|_| wrong(like))?;
        if !matches!(url.scheme.as_str(), "http" | "https") || url.netloc.is_empty() {
            return Err(wrong(like));
        }
        if text.len() != url.scheme.len() + "://".len() + url.netloc.len() {
            return Err(wrong("an origin ends behind its host and port"));
        }
        if url.port().is_err() {
            return Err(wrong("its port is not a number from 0 to 65535"));
        }
        let domain = match url.netloc.strip_prefix('*') {
            Some(domain) if domain.starts_with('.') => domain,
            Some(_) => {
                return Err(wrong(
                    "`*` stands for whole labels: `https://*.example.org`",
                ));
            }
            None => &url.netloc,
        };
        if domain.contains(['*', '@', '\\']) || domain.trim_start_matches('.').is_empty() {
            return Err(wrong(like));
        }
        Ok(Self {
            domain: domain.to_ascii_lowercase(),
            scheme: url.scheme,
        })
    }
}
