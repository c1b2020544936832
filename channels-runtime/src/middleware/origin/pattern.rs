//! One allowed origin, as it is written in the settings.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::url::{Malformed, Url};
use crate::{Error, ErrorKind, Result};

/// What an origin is compared with.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// `*`: every origin, and none.
    Any,
    /// A host, whatever the scheme and the port.
    Host(String),
    /// A scheme, a host and a port.
    Origin { url: Url, host: String },
}

impl Pattern {
    /// Reads a pattern, if it can match what a browser sends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], with what to write instead.
    pub(super) fn new(text: &str) -> Result<Self> {
        if text == "*" {
            return Ok(Self::Any);
        }
        check(text).map_err(|why| refused(text, &why))?;
        Self::read(text).map_err(|Malformed| refused(text, "it is not a host or an origin"))
    }

    /// Reads a pattern that may be of no use, as Channels does.
    pub(super) fn read(text: &str) -> Result<Self, Malformed> {
        let url = Url::parse(&text.to_lowercase())?;
        if url.scheme.is_empty() {
            let host = Url::parse(&format!("//{text}"))?.host();
            return Ok(Self::Host(host.unwrap_or_else(|| text.to_lowercase())));
        }
        let host = url.host().unwrap_or_default();
        Ok(Self::Origin { url, host })
    }

    /// Whether an origin is meant; `None` is a request without one.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the origin's port counts and is not valid.
    pub(super) fn matches(&self, origin: Option<&Url>) -> Result<bool, Malformed> {
        if matches!(self, Self::Any) {
            return Ok(true);
        }
        let Some((origin, host)) = origin.and_then(|url| Some((url, url.host()?))) else {
            return Ok(false);
        };
        match self {
            Self::Any => Ok(true),
            Self::Host(pattern) => Ok(is_same_domain(&host, pattern)),
            Self::Origin { url, host: pattern } => Ok(origin.port()? == url.port()?
                && origin.scheme == url.scheme
                && is_same_domain(&host, pattern)),
        }
    }
}

/// Django's `is_same_domain`: a pattern with a dot in front means the domain and all below it.
pub(in crate::middleware) fn is_same_domain(host: &str, pattern: &str) -> bool {
    match pattern.strip_prefix('.') {
        Some(domain) => host == domain || host.ends_with(pattern),
        None => !pattern.is_empty() && host == pattern,
    }
}

fn refused(text: &str, why: &str) -> Error {
    let text = text.escape_debug();
    let message = format!("the allowed origin `{text}` cannot match: {why}");
    Error::new(ErrorKind::Config, message)
}

/// Says what is wrong with a pattern, and what to write instead.
fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty; leave it out, or write a host".to_owned());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("it has white space or control characters in it".to_owned());
    }
    if !text.is_ascii() {
        return Err(
            "browsers send such hosts in their ASCII form (`xn--…`): write that".to_owned(),
        );
    }
    if text == "null" {
        return Err("no pattern but `*` matches an opaque origin".to_owned());
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    let prefix = scheme
        .map(|scheme| format!("{scheme}://"))
        .unwrap_or_default();
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("ws") => return Err(format!("pages are loaded by http: write `http://{rest}`")),
        Some("wss") => return Err(format!("pages are loaded by https: write `https://{rest}`")),
        _ => {}
    }
    if let Some(domain) = rest.strip_prefix("*.") {
        return Err(format!("`*` is no wildcard: write `{prefix}.{domain}`"));
    }
    if let Some((_, host)) = rest.rsplit_once('@') {
        return Err(format!("an origin has no user: write `{prefix}{host}`"));
    }
    if let Some(end) = rest.find(['/', '?', '#', '\\']) {
        return Err(match &rest[..end] {
            "" => "it names no host".to_owned(),
            host => format!("an origin ends behind its host and port: write `{prefix}{host}`"),
        });
    }
    if rest.contains('*') {
        return Err("`*` is no wildcard: write a host, or `.example.com` for a domain".to_owned());
    }
    if scheme.is_none() && Ipv6Addr::from_str(rest).is_ok() {
        return Ok(());
    }
    let Ok(url) = Url::parse(&format!("//{rest}")) else {
        return Err("the brackets of an IPv6 address hold no address".to_owned());
    };
    if url.port().is_err() {
        return Err("its port is not a number from 0 to 65535".to_owned());
    }
    if url.host().is_none() {
        return Err("it names no host".to_owned());
    }
    // What stands before the colon would be a scheme.
    if scheme.is_none() && Url::parse(rest).is_ok_and(|url| !url.scheme.is_empty()) {
        return Err(format!(
            "a port needs a scheme: write `http://{rest}`, or the host alone for any port"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_match_is_refused_with_what_to_write() {
        let cases = [
            ("", "leave it out"),
            (" example.com", "white space"),
            ("null", "`*`"),
            ("bücher.example", "xn--"),
            ("*.example.com", "write `.example.com`"),
            ("https://*.example.com", "write `https://.example.com`"),
            ("example.*", "no wildcard"),
            ("ws://example.com", "write `http://example.com`"),
            ("wss://example.com:1", "write `https://example.com:1`"),
            ("example.com:8000", "write `http://example.com:8000`"),
            ("localhost:3000", "write `http://localhost:3000`"),
            ("https://example.com/", "write `https://example.com`"),
            (
                "https://example.com:443/x",
                "write `https://example.com:443`",
            ),
            ("example.com/chat", "write `example.com`"),
            ("http://me@example.com", "write `http://example.com`"),
            ("//example.com", "no host"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("http://example.com:bad", "port"),
            ("http://example.com:65536", "port"),
            ("http://[::1", "brackets"),
        ];
        for (text, advice) in cases {
            let error = Pattern::new(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(error.to_string().contains(advice), "{error}");
        }
    }

    #[test]
    fn advice_can_be_followed() {
        let texts = [
            "*.a.b",
            "https://*.a.b",
            "wss://a.b:1",
            "a.b:8000",
            "https://u@a.b/x",
        ];
        for text in texts {
            let mut text = text.to_owned();
            while let Err(error) = Pattern::new(&text) {
                let message = error.to_string();
                let (_, rest) = message.split_once("write `").expect("advice");
                let (next, _) = rest.split_once('`').expect("its end");
                assert_ne!(next, text, "{message}");
                text = next.to_owned();
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_matches_something(text in "(https?://)?[a-z0-9.\\[\\]:@*/]{0,12}") {
            let Ok(pattern) = Pattern::new(&text) else { return Ok(()) };
            let host = text.split_once("://").map_or(text.as_str(), |(_, host)| host);
            let origins = [
                text.clone(),
                format!("http://{host}"),
                format!("http://[{host}]"),
                format!("http://{}", host.trim_start_matches('.')),
            ];
            let matched = origins.iter().any(|origin| {
                Url::parse(origin).is_ok_and(|url| pattern.matches(Some(&url)) == Ok(true))
            });
            prop_assert!(matched, "{}", text);
        }
    }
}
