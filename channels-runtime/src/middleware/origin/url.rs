//! The parts of a URL that origins are judged by, found as Python's `urllib.parse.urlsplit` finds
//! them (3.11): this is what Channels and Django decide on, and it is not what the WHATWG's URL
//! standard says.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// A URL up to its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::middleware) struct Url {
    /// In lower case; empty if there is none.
    pub(in crate::middleware) scheme: String,
    /// What stands between the `//` and the path; empty if there is no `//`.
    pub(in crate::middleware) netloc: String,
}

/// Where Python raises a `ValueError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::middleware) struct Malformed;

impl Url {
    /// Splits a URL.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for brackets that hold no IPv6 address.
    pub(in crate::middleware) fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim_start_matches(|c: char| c <= ' ');
        let text = text.replace(['\t', '\r', '\n'], "");
        let (scheme, rest) = split_scheme(&text);
        let netloc = match rest.strip_prefix("//") {
            Some(rest) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
            None => "",
        };
        check_brackets(netloc)?;
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            netloc: netloc.to_owned(),
        })
    }

    /// The host in lower case, without user, port and brackets; `None` if there is none.
    pub(in crate::middleware) fn host(&self) -> Option<String> {
        let (host, _) = self.host_and_port();
        // The zone of an IPv6 address is kept as it is.
        let (name, zone) = host.split_at(host.find('%').unwrap_or(host.len()));
        (!host.is_empty()).then(|| name.to_lowercase() + zone)
    }

    /// The port, or the scheme's usual one; `None` if there is neither.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a port that is no number up to 65535.
    pub(in crate::middleware) fn port(&self) -> Result<Option<u16>, Malformed> {
        let (_, port) = self.host_and_port();
        if port.is_empty() {
            return Ok(match self.scheme.as_str() {
                "http" | "ws" => Some(80),
                "https" | "wss" => Some(443),
                _ => None,
            });
        }
        // `u16`'s own parser takes a sign.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed);
        }
        port.parse().map(Some).map_err(|_| Malformed)
    }

    fn host_and_port(&self) -> (&str, &str) {
        let (_, place) = self.netloc.rsplit_once('@').unwrap_or(("", &self.netloc));
        match place.split_once('[') {
            Some((_, bracketed)) => {
                let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (host, rest.split_once(':').unwrap_or_default().1)
            }
            None => place.split_once(':').unwrap_or((place, "")),
        }
    }
}

fn split_scheme(text: &str) -> (&str, &str) {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", text),
    }
}

fn check_brackets(netloc: &str) -> Result<(), Malformed> {
    if netloc.contains('[') != netloc.contains(']') {
        return Err(Malformed);
    }
    let Some((_, rest)) = netloc.split_once('[') else {
        return Ok(());
    };
    let host = rest.split(']').next().unwrap_or_default();
    let is_address = match host.strip_prefix('v') {
        Some(future) => is_ip_future(future),
        None => is_ipv6(host),
    };
    is_address.then_some(()).ok_or(Malformed)
}

/// RFC 3986 §3.2.2: a version in hexadecimal digits, a dot, and something.
fn is_ip_future(text: &str) -> bool {
    text.split_once('.').is_some_and(|(version, address)| {
        let is_version = version.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_version && !version.is_empty() && !address.is_empty()
    })
}

fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "any"));
    Ipv6Addr::from_str(address).is_ok() && !zone.is_empty() && !zone.contains('%')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Python 3.11.7 gives as `scheme`, `netloc`, `hostname` and, without the scheme's usual
    /// one, `port`.
    #[test]
    fn urls_are_split_as_python_does() {
        let cases = [
            (
                "HTTP://u:p@A.b:8000/x?y#z",
                "http",
                "u:p@A.b:8000",
                Some("a.b"),
                Some(8000),
            ),
            (
                "http://evil.org\\@a.b",
                "http",
                "evil.org\\@a.b",
                Some("a.b"),
                Some(80),
            ),
            (
                " \u{1}https://[::1]x:81",
                "https",
                "[::1]x:81",
                Some("::1"),
                Some(81),
            ),
            (
                "http://[fe80::1%Eth0]",
                "http",
                "[fe80::1%Eth0]",
                Some("fe80::1%Eth0"),
                Some(80),
            ),
            ("ht\ntp://a\t.b?//c", "http", "a.b", Some("a.b"), Some(80)),
            ("foo://a:", "foo", "a:", Some("a"), None),
            ("localhost:8000", "localhost", "", None, None),
            ("1a://b", "", "", None, None),
            ("//a@b@c:1", "", "a@b@c:1", Some("c"), Some(1)),
            ("null", "", "", None, None),
            ("", "", "", None, None),
        ];
        for (text, scheme, netloc, host, port) in cases {
            let url = Url::parse(text).expect(text);
            assert_eq!(
                (url.scheme.as_str(), url.netloc.as_str()),
                (scheme, netloc),
                "{text}"
            );
            assert_eq!(
                (url.host().as_deref(), url.port()),
                (host, Ok(port)),
                "{text}"
            );
        }
        for text in [
            "http://[::1",
            "http://::1]",
            "http://[1.2.3.4]",
            "http://[]",
            "http://[v.x]",
        ] {
            assert_eq!(Url::parse(text), Err(Malformed), "{text}");
        }
        for port in ["65536", "-1", "+1", "x", "8 ", "99999999999999999999"] {
            let url = Url::parse(&format!("http://a:{port}")).expect(port);
            assert_eq!(url.port(), Err(Malformed), "{port}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(http://)?[ -~\u{80}-\u{ff}\\[\\]:@%/]{0,20}") {
            if let Ok(url) = Url::parse(&text) {
                let _ = (url.host(), url.port());
            }
        }
    }
}
