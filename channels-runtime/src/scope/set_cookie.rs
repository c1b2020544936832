//! The cookies that an answer sets.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Error, ErrorKind, Result};

/// How long the name and the value of a cookie may be together, in bytes: browsers drop a longer one
/// without a word (RFC 6265bis, on the Set-Cookie header).
pub(crate) const MAX_COOKIE: usize = 4096;

/// The last second that an HTTP date can tell: the end of the year 9999.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// A cookie that an answer sets, as Django writes it: the value of a `Set-Cookie` header.
///
/// # Examples
///
/// ```
/// use channels_runtime::{SameSite, SetCookie};
///
/// let cookie = SetCookie::new("theme", "dark, or so")?
///     .http_only(true)
///     .same_site(SameSite::Lax);
/// assert_eq!(
///     cookie.to_string(),
///     r#"theme="dark\054 or so"; HttpOnly; Path=/; SameSite=Lax"#,
/// );
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    name: String,
    /// Quoted where it has to be.
    value: String,
    domain: Option<String>,
    path: String,
    max_age: Option<i64>,
    expires: Option<SystemTime>,
    http_only: bool,
    same_site: Option<SameSite>,
    secure: bool,
}

/// Which requests from other sites carry a cookie along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// None at all.
    Strict,
    /// Those that lead the user to this site. A WebSocket's handshake from another site does not.
    Lax,
    /// All. Browsers take such a cookie over HTTPS only, so it is always marked `Secure`.
    None,
}

impl SetCookie {
    /// A cookie for the whole site that lives as long as the browser runs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] if the name is not of letters, digits and ``!#$%&'*+-.^_`|~:``, or is an
    /// attribute's; if the value has characters beyond U+00FF; if both together have more than 4096
    /// bytes, with which browsers drop a cookie.
    pub fn new(name: impl Into<String>, value: impl AsRef<str>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || !name.bytes().all(is_plain) || is_attribute(&name) {
            return Err(refused(format!(
                "`{}` cannot be a cookie's name: it is of letters, digits and !#$%&'*+-.^_`|~:, and \
                 no attribute's name",
                name.escape_debug()
            )));
        }
        let value = quoted(value.as_ref()).ok_or_else(|| {
            refused(format!(
                "the cookie `{name}` cannot have characters beyond U+00FF in its value"
            ))
        })?;
        let length = name.len() + value.len();
        if length > MAX_COOKIE {
            return Err(refused(format!(
                "the cookie `{name}` has {length} bytes; browsers keep at most {MAX_COOKIE}"
            )));
        }
        Ok(Self {
            name,
            value,
            domain: None,
            path: "/".to_owned(),
            max_age: None,
            expires: None,
            http_only: false,
            same_site: None,
            secure: false,
        })
    }

    /// A cookie that makes the browser forget the one of this name, path and domain.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] if the name is not allowed.
    pub fn delete(name: impl Into<String>) -> Result<Self> {
        Ok(Self::new(name, "")?.expires(0, UNIX_EPOCH))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long the browser keeps it, from now on.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        let date = SystemTime::now().checked_add(age);
        let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        self.expires(seconds, date.unwrap_or(UNIX_EPOCH + LAST_DATE))
    }

    /// The same twice, as Django says it: in seconds from now, and as a date for old browsers.
    #[must_use]
    pub(crate) fn expires(mut self, max_age: i64, date: SystemTime) -> Self {
        self.max_age = Some(max_age);
        self.expires = Some(date);
        self
    }

    /// The path below which the browser sends it: `/` unless something else is said.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] if the path has a `;`, or anything but visible ASCII.
    pub fn path(mut self, path: impl Into<String>) -> Result<Self> {
        self.path = attribute("path", path.into())?;
        Ok(self)
    }

    /// The domain whose hosts get it. Without one, it is this host alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] if the domain has a `;`, or anything but visible ASCII.
    pub fn domain(mut self, domain: impl Into<String>) -> Result<Self> {
        self.domain = Some(attribute("domain", domain.into())?);
        Ok(self)
    }

    /// Whether scripts cannot see it.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Which requests from other sites carry it; `None` leaves that to the browser.
    #[must_use]
    pub fn same_site(mut self, same_site: impl Into<Option<SameSite>>) -> Self {
        self.same_site = same_site.into();
        self
    }

    /// Whether it travels by HTTPS only. A cookie that browsers would drop otherwise is always marked
    /// so: one of [`SameSite::None`], or whose name begins with `__Secure-` or `__Host-`.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    fn is_secure(&self) -> bool {
        self.secure
            || self.same_site == Some(SameSite::None)
            || self.name.starts_with("__Secure-")
            || self.name.starts_with("__Host-")
    }
}

impl fmt::Display for SetCookie {
    /// Writes the header's value, its attributes in Django's order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(date) = self.expires {
            // What HTTP cannot write is long ago, or long to come.
            let date = date.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_DATE);
            write!(f, "; expires={}", httpdate::fmt_http_date(date))?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        if let Some(seconds) = self.max_age {
            write!(f, "; Max-Age={seconds}")?;
        }
        write!(f, "; Path={}", self.path)?;
        if let Some(same_site) = self.same_site {
            write!(f, "; SameSite={same_site:?}")?;
        }
        if self.is_secure() {
            f.write_str("; Secure")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SetCookie {
    /// Shows the name, not the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetCookie")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The value in its quotes, if it needs them: Python's `SimpleCookie`. None for characters that no
/// byte can be.
fn quoted(value: &str) -> Option<String> {
    if !value.is_empty() && value.bytes().all(is_plain) {
        return Some(value.to_owned());
    }
    let mut quoted = String::from("\"");
    for char in value.chars() {
        match u8::try_from(char).ok()? {
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            byte if is_plain(byte) || b" ()/<=>?@[]{}".contains(&byte) => quoted.push(char),
            // Writing to a String does not fail.
            byte => _ = write!(quoted, "\\{byte:03o}"),
        }
    }
    quoted.push('"');
    Some(quoted)
}

/// What Python takes in a name, and in a value without quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte)
}

/// Old readers take these names for a cookie's attributes; Python refuses them.
fn is_attribute(name: &str) -> bool {
    const ATTRIBUTES: [&str; 9] = [
        "comment", "domain", "expires", "httponly", "max-age", "path", "samesite", "secure",
        "version",
    ];
    ATTRIBUTES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

fn attribute(what: &str, value: String) -> Result<String> {
    if value
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
    {
        return Ok(value);
    }
    Err(refused(format!(
        "`{}` cannot be a cookie's {what}: it is of visible ASCII without `;`",
        value.escape_debug()
    )))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Response, message)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

    use super::*;
    use crate::Scope;

    fn value_of(value: &str) -> String {
        let cookie = SetCookie::new("a", value).expect("a cookie").to_string();
        let value = cookie.strip_prefix("a=").expect("its name");
        value.strip_suffix("; Path=/").expect("its path").to_owned()
    }

    #[test]
    fn values_are_quoted_as_python_quotes_them() {
        // By `http.cookies.SimpleCookie`.
        for (value, expected) in [
            ("", r#""""#),
            ("abc:.eJ-_1r31eq", "abc:.eJ-_1r31eq"),
            ("a b", r#""a b""#),
            ("a,b;c", r#""a\054b\073c""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("a\r\nSet-Cookie: b", r#""a\015\012Set-Cookie: b""#),
            ("é\u{7f}", r#""\351\177""#),
            ("()/<=>?@[]{}", r#""()/<=>?@[]{}""#),
        ] {
            assert_eq!(value_of(value), expected, "{value:?}");
        }
    }

    #[test]
    fn what_no_browser_takes_is_refused() {
        for name in [
            "", "a b", "a;b", "a=b", "a\n", "é", "\"a\"", "Path", "max-age",
        ] {
            let error = SetCookie::new(name, "").expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Response);
        }
        assert!(SetCookie::new("a", "✓").is_err());
        assert!(SetCookie::new("a", "x".repeat(MAX_COOKIE - 1)).is_ok());
        assert!(SetCookie::new("a", "x".repeat(MAX_COOKIE)).is_err());
        for attribute in ["/;Secure", "/\r\nSet-Cookie:", "/é"] {
            let cookie = SetCookie::new("a", "1").expect("a cookie");
            assert!(cookie.clone().path(attribute).is_err());
            assert!(cookie.domain(attribute).is_err());
        }
    }

    #[test]
    fn no_date_is_too_far() {
        let cookie = SetCookie::new("a", "1").expect("a cookie");
        let long = cookie.clone().max_age(Duration::MAX).to_string();
        assert!(
            long.contains("expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=9223372036854775807")
        );
        let past = cookie
            .expires(-1, UNIX_EPOCH - Duration::from_secs(1))
            .to_string();
        assert!(past.contains("expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=-1"));
    }

    #[test]
    fn a_cookie_that_browsers_would_drop_is_secure() {
        let cookie = |name| SetCookie::new(name, "1").expect("a cookie");
        assert!(!cookie("a").to_string().contains("Secure"));
        assert!(cookie("__Host-a").to_string().ends_with("; Secure"));
        assert!(
            cookie("a")
                .same_site(SameSite::None)
                .to_string()
                .ends_with("; Secure")
        );
        assert!(cookie("a").secure(true).to_string().ends_with("; Secure"));
    }

    proptest! {
        #[test]
        fn what_is_set_comes_back(value in "[\u{0}-\u{ff}]{0,40}") {
            let cookie = SetCookie::new("a", &value).expect("a cookie").to_string();
            prop_assert!(HeaderValue::from_str(&cookie).is_ok());
            let sent = cookie.split(';').next().expect("name and value");
            let request = Request::get("/").header("cookie", sent).body(());
            let (mut parts, ()) = request.expect("a request").into_parts();
            let scope = Scope::from_parts(&mut parts).expect("a scope");
            let read = scope.cookie("a");
            prop_assert_eq!(read.as_deref(), Some(&*value));
        }

        #[test]
        fn nothing_gets_out_of_the_value(name in ".{0,4}", value in ".{0,20}", path in ".{0,6}") {
            if let Ok(cookie) = SetCookie::new(name, value).and_then(|cookie| cookie.path(path)) {
                let text = cookie.to_string();
                prop_assert_eq!(text.matches("; ").count(), 1);
                prop_assert!(HeaderValue::from_str(&text).is_ok());
            }
        }
    }
}
