//! A request's headers, kept for as long as its connection lives.

use std::{fmt, iter};

use http::HeaderMap;
use memchr::memchr;

use super::cookies::latin1;

/// The headers of a request, in one piece of memory: an idle connection keeps them at the length
/// that they had on the wire.
///
/// A value is bytes (RFC 9110 §5.5). [`get`](Self::get) and [`get_all`](Self::get_all) decode it as UTF-8
/// or, where it is not valid UTF-8, as ISO-8859-1, so a header that was sent is never reported as absent.
/// [`get_bytes`](Self::get_bytes) and [`get_all_bytes`](Self::get_all_bytes) return the bytes.
///
/// # Examples
///
/// ```
/// # use channels_runtime::Scope;
/// fn language(scope: &Scope) -> &str {
///     scope.headers().get("accept-language").unwrap_or("en")
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Headers {
    /// Lines of `name:value`. No name contains a `:`, and neither names nor values contain a line end
    /// or NUL (RFC 9110 §5.1, §5.5). A value that is not valid UTF-8 is followed by NUL and its text.
    lines: Box<[u8]>,
}

/// A header that must not occur more than once (RFC 9110 §5.3) occurs more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

/// One header.
struct Line<'a> {
    name: &'a [u8],
    /// The value, and its text where that differs.
    rest: &'a [u8],
}

impl<'a> Line<'a> {
    /// In lower case.
    fn name(&self) -> &'a str {
        // A name is ASCII.
        std::str::from_utf8(self.name).unwrap_or_default()
    }

    fn value(&self) -> &'a [u8] {
        let end = memchr(0, self.rest).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    fn text(&self) -> Option<&'a str> {
        let start = memchr(0, self.rest).map_or(0, |end| end + 1);
        // It is valid UTF-8: `Headers::new` writes no other.
        std::str::from_utf8(&self.rest[start..]).ok()
    }
}

impl Headers {
    pub(crate) fn new(map: &HeaderMap) -> Self {
        let length = map
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 2)
            .sum();
        let mut lines = Vec::with_capacity(length);
        for (name, value) in map {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.push(b':');
            lines.extend_from_slice(value.as_bytes());
            if std::str::from_utf8(value.as_bytes()).is_err() {
                lines.push(0);
                lines.extend_from_slice(latin1(value.as_bytes()).as_bytes());
            }
            lines.push(b'\n');
        }
        Self {
            lines: lines.into(),
        }
    }

    /// Returns the first value of a header as text. The case of the name does not matter. `None` if the
    /// request does not contain the header.
    ///
    /// A value that is not valid UTF-8 is decoded as ISO-8859-1.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns all values of a header as text, in the order in which they were sent.
    ///
    /// A value that is not valid UTF-8 is decoded as ISO-8859-1.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.named(name).filter_map(|line| line.text())
    }

    /// Returns the first value of a header as bytes, as ASGI does. `None` if the request does not contain
    /// the header.
    ///
    /// # Examples
    ///
    /// ```
    /// # use channels_runtime::Scope;
    /// fn device(scope: &Scope) -> Option<&[u8]> {
    ///     scope.headers().get_bytes("x-device-name")
    /// }
    /// ```
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.get_all_bytes(name).next()
    }

    /// Returns all values of a header as bytes, in the order in which they were sent.
    pub fn get_all_bytes(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.named(name).map(|line| line.value())
    }

    /// Whether the request contains a header, with any value.
    pub fn contains(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    /// Returns all headers, names in lower case, values as bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.all().map(|line| (line.name(), line.value()))
    }

    /// The value of a header that a request contains at most once. Security decisions use this: two
    /// readers of a repeated header may choose different values.
    pub(crate) fn get_only(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.get_all(name);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => Err(Repeated),
        }
    }

    fn named(&self, name: &str) -> impl Iterator<Item = Line<'_>> {
        self.all()
            .filter(move |line| line.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    fn all(&self) -> impl Iterator<Item = Line<'_>> {
        let mut lines = &*self.lines;
        iter::from_fn(move || {
            let colon = memchr(b':', lines)?;
            let end = colon + memchr(b'\n', &lines[colon..])?;
            let line = Line {
                name: &lines[..colon],
                rest: &lines[colon + 1..end],
            };
            lines = &lines[end + 1..];
            Some(line)
        })
    }
}

impl fmt::Debug for Headers {
    /// Shows the names, not the values: these hold cookies and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_found_by_their_names() {
        let mut map = HeaderMap::new();
        map.append("origin", HeaderValue::from_static("https://a:1"));
        map.append("cookie", HeaderValue::from_static("a=1"));
        map.append("cookie", HeaderValue::from_static("b=2"));
        map.append("x-raw", HeaderValue::from_bytes(b"\xff").expect("opaque"));
        map.append("x-empty", HeaderValue::from_static(""));
        let headers = Headers::new(&map);
        assert_eq!(headers.get("Origin"), Some("https://a:1"));
        assert!(headers.get_all("cookie").eq(["a=1", "b=2"]));
        // "Cannot decode" is not "absent".
        assert_eq!(headers.get("x-raw"), Some("ÿ"));
        assert_eq!(headers.get_bytes("X-Raw"), Some(&b"\xff"[..]));
        assert!(headers.contains("x-raw") && !headers.contains("x-ra"));
        assert_eq!(headers.get_only("origin"), Ok(Some("https://a:1")));
        assert_eq!(headers.get_only("cookie"), Err(Repeated));
        assert_eq!(headers.get_only("cook"), Ok(None));
        assert_eq!(headers.get("x-empty"), Some(""));
        assert_eq!(headers.get("cook"), None);
        assert_eq!(Headers::new(&HeaderMap::new()).iter().count(), 0);
        assert!(!format!("{headers:?}").contains("a=1"));
    }

    proptest! {
        #[test]
        fn what_came_is_what_is_kept(
            sent in proptest::collection::vec(
                ("[a-z!#$%&'*+.^_`|~-]{1,9}", proptest::collection::vec(prop_oneof![b' '..=b'~', 0x80..=0xffu8], 0..20)),
                0..8,
            ),
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in &sent {
                let name = HeaderName::try_from(name.as_str()).expect("a name");
                map.append(name, HeaderValue::from_bytes(value).expect("a value"));
            }
            let headers = Headers::new(&map);
            let kept: Vec<_> = headers.iter().collect();
            let expected: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            prop_assert_eq!(kept, expected);
            for (name, _) in &sent {
                let values = headers.get_all_bytes(name).count();
                prop_assert_eq!(headers.get_all(name).count(), values);
                prop_assert!(headers.contains(name));
            }
        }
    }
}
