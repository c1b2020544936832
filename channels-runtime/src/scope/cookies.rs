//! The cookies that a request brings, read as Django reads them.

use std::borrow::Cow;

use super::Scope;

impl Scope {
    /// The value of a cookie, unquoted; of several with the same name the last one's, as in Django.
    ///
    /// Bytes are Latin-1, as in Django under ASGI. The name counts as it is written, small or capital.
    ///
    /// # Examples
    ///
    /// ```
    /// # use channels_runtime::Scope;
    /// fn theme(scope: &Scope) -> String {
    ///     scope.cookie("theme").unwrap_or("light".into()).into_owned()
    /// }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut found = None;
        for (known, value) in self.raw_cookies() {
            if known.iter().copied().map(char::from).eq(name.chars()) {
                found = Some(value);
            }
        }
        found.map(unquoted)
    }

    /// The names and values of all cookies, in the order in which they came. Nothing is kept: the
    /// header is read again by each call.
    ///
    /// A cookie without `=` is a value without a name, as browsers see it.
    pub fn cookies(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.raw_cookies()
            .map(|(name, value)| (latin1(name), unquoted(value)))
    }

    /// A proxy that spoke HTTP/2 may pass several headers on. They are one list, to be joined by `; `
    /// (RFC 9113 §8.2.3).
    fn raw_cookies(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let headers = self.headers().iter();
        let lists = headers.filter_map(|(name, value)| (name == "cookie").then_some(value));
        lists.flat_map(split)
    }
}

/// Reads bytes as Latin-1: each is the character of its number.
pub(crate) fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(ascii) if ascii.is_ascii() => Cow::Borrowed(ascii),
        _ => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// Django's `parse_cookie`: a `;` separates wherever it stands, even inside of quotes.
fn split(list: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    list.split(|&byte| byte == b';').filter_map(|cookie| {
        let (name, value) = match cookie.iter().position(|&byte| byte == b'=') {
            Some(equals) => (&cookie[..equals], &cookie[equals + 1..]),
            None => (&[][..], cookie),
        };
        let (name, value) = (stripped(name), stripped(value));
        (!name.is_empty() || !value.is_empty()).then_some((name, value))
    })
}

/// Python's `str.strip`: what it takes for white space of Latin-1.
fn stripped(mut bytes: &[u8]) -> &[u8] {
    let is_space = |byte| matches!(byte, 0x09..=0x0d | 0x1c..=0x20 | 0x85 | 0xa0);
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Takes the quotes off, and then the escapes: `\303` is a byte by its octal number, `\x` is `x`.
fn unquoted(value: &[u8]) -> Cow<'_, str> {
    let [b'"', quoted @ .., b'"'] = value else {
        return latin1(value);
    };
    let mut plain = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    loop {
        rest = match rest {
            [] => break,
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                behind @ ..,
            ] => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                behind
            }
            [b'\\', byte, behind @ ..] | [byte, behind @ ..] => {
                plain.push(*byte);
                behind
            }
        };
    }
    Cow::Owned(latin1(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use http::{HeaderValue, Request};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// What Django keeps: the last of each name.
    fn read<'a>(lists: impl IntoIterator<Item = &'a [u8]>) -> BTreeMap<String, String> {
        let cookies = lists.into_iter().flat_map(split);
        cookies
            .map(|(name, value)| (latin1(name).into(), unquoted(value).into()))
            .collect()
    }

    fn scope(headers: &[&[u8]]) -> Scope {
        let mut request = Request::get("/");
        for header in headers {
            request = request.header("cookie", HeaderValue::from_bytes(header).expect("a value"));
        }
        let request = request.body(()).expect("a request");
        Scope::from_parts(&mut request.into_parts().0).expect("a scope")
    }

    #[test]
    fn cookies_are_read_as_django_reads_them() {
        let vectors = include_str!("../../../tests/interop/django_cookies.json");
        let vectors: Value = serde_json::from_str(vectors).expect("JSON");
        let vectors = vectors["parse"].as_array().expect("a list");
        let mut counts = [0; 3];
        for vector in vectors {
            // What is Latin-1 here is a byte there.
            let texts: Vec<String> =
                serde_json::from_value(vector["headers_latin1"].clone()).expect("texts");
            let bytes = |text: &String| {
                text.chars()
                    .map(|char| u8::try_from(char).expect("Latin-1"))
                    .collect()
            };
            let headers: Vec<Vec<u8>> = texts.iter().map(bytes).collect();
            let cookies = read(headers.iter().map(Vec::as_slice));
            counts[headers.len()] += 1;
            if headers.len() == 1 {
                let expected: BTreeMap<String, String> =
                    serde_json::from_value(vector["parse_cookie_of_latin1"].clone())
                        .expect("a map");
                assert_eq!(cookies, expected, "{texts:?}");
                assert_eq!(
                    vector["channels_cookie_middleware"],
                    vector["parse_cookie_of_latin1"]
                );
                assert_eq!(vector["django_asgi"], vector["parse_cookie_of_latin1"]);
            } else {
                // Channels ignores all headers but the first, Django under ASGI joins them by a `,`
                // which separates nothing: both lose what a proxy has split. WSGI servers join by `;`
                // or `; `, and so do we.
                let joined = headers.join(&b"; "[..]);
                assert_eq!(cookies, read([joined.as_slice()]), "{texts:?}");
                for other in ["channels_cookie_middleware", "django_asgi"] {
                    let other: BTreeMap<String, String> =
                        serde_json::from_value(vector[other].clone()).expect("a map");
                    assert_ne!(cookies, other, "{texts:?}");
                }
            }
        }
        assert_eq!(counts, [0, 39, 2]);
    }

    #[test]
    fn a_cookie_is_found_by_its_name() {
        let scope = scope(&[
            b"a=1; sessionid=\"x\\054y\"; nameless",
            b"a=2; A=3; caf\xe9=\xff; \x85space\xa0=\x85x\xa0; octal=\"\\777\"",
        ]);
        assert_eq!(scope.cookie("a").as_deref(), Some("2"));
        assert_eq!(scope.cookie("A").as_deref(), Some("3"));
        assert_eq!(scope.cookie("sessionid").as_deref(), Some("x,y"));
        assert_eq!(scope.cookie("").as_deref(), Some("nameless"));
        assert_eq!(scope.cookie("café").as_deref(), Some("ÿ"));
        assert_eq!(scope.cookie("space").as_deref(), Some("x"));
        assert_eq!(scope.cookie("octal").as_deref(), Some("777"));
        assert_eq!(scope.cookie("b"), None);
        let names: Vec<_> = scope.cookies().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["a", "sessionid", "", "a", "A", "café", "space", "octal"]
        );
    }

    #[test]
    fn a_million_bytes_take_linear_time() {
        let started = Instant::now();
        for unit in [";", "a=1;", "\"", "\\", " ", "=", "a=\"\\1", "\u{a0}"] {
            let scope = scope(&[unit.repeat(1_000_000 / unit.len()).as_bytes()]);
            assert_eq!(scope.cookie("sessionid"), None);
            scope.cookies().for_each(drop);
            // One value, all of it escapes.
            let quoted = format!("sessionid=\"{}\"", "\\\\".repeat(500_000));
            assert_eq!(read([quoted.as_bytes()])["sessionid"].len(), 500_000);
        }
        // Squared, each of them would take minutes.
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    proptest! {
        #[test]
        fn nothing_panics(list in prop::collection::vec(any::<u8>(), 0..60)) {
            for (name, value) in split(&list) {
                prop_assert!(unquoted(value).chars().count() <= value.len());
                prop_assert!(!name.contains(&b'='));
            }
        }
    }
}
