//! A request's headers, kept for as long as its connection lives.

use std::fmt;

use http::HeaderMap;

/// The headers of a request, in one piece of memory: an idle connection keeps them at the length
/// that they had on the wire.
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
    /// Lines of `name:value`. No name has a `:`, and neither names nor values have a line's end
    /// (RFC 9110 §5.1, §5.5).
    lines: Box<[u8]>,
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
            lines.push(b'\n');
        }
        Self {
            lines: lines.into(),
        }
    }

    /// The first value of a header, whatever the case of its name. None if there is no such header,
    /// or its value is not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// The values of a header that may stand several times; those that are not UTF-8 are left out.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// All headers as they came, names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.split(|&byte| byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            Some((name, &line[colon + 1..]))
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
        assert_eq!(headers.get("x-raw"), None);
        assert_eq!(headers.get("x-empty"), Some(""));
        assert_eq!(headers.get("cook"), None);
        assert_eq!(Headers::new(&HeaderMap::new()).iter().count(), 0);
        assert!(!format!("{headers:?}").contains("a=1"));
    }

    proptest! {
        #[test]
        fn what_came_is_what_is_kept(
            sent in proptest::collection::vec(("[a-z!#$%&'*+.^_`|~-]{1,9}", "[ -~\u{80}-\u{ff}]{0,20}"), 0..8),
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in &sent {
                let name = HeaderName::try_from(name.as_str()).expect("a name");
                map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            }
            let headers = Headers::new(&map);
            let kept: Vec<_> = headers.iter().collect();
            let expected: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
