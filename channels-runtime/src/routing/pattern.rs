//! Path patterns: Django's `path()` and `re_path()`.

use std::fmt::Write as _;

use regex::{Captures, Regex};

use crate::scope::Kwargs;

/// Django's path converters, each with the expression that it stands for.
const CONVERTERS: [(&str, &str); 5] = [
    ("str", "[^/]+"),
    ("int", "[0-9]+"),
    ("slug", "[-a-zA-Z0-9_]+"),
    (
        "uuid",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    ("path", ".+"),
];

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    source: String,
}

/// Why a pattern cannot work, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PatternError {
    what: String,
    pattern: String,
    /// The place in the pattern, as bytes.
    at: std::ops::Range<usize>,
}

impl Pattern {
    /// Compiles `chat/<slug:room>/`, which has to match to the end of the path.
    pub(crate) fn path(source: &str) -> Result<Self, PatternError> {
        let error = |what: String, at| PatternError {
            what,
            pattern: source.to_owned(),
            at,
        };
        let mut expression = String::from("^");
        let mut names = Vec::new();
        let mut at = 0;
        while let Some(open) = source[at..].find('<').map(|open| at + open) {
            let Some(close) = source[open..].find('>').map(|close| open + close) else {
                return Err(error("`<` without `>`".into(), open..source.len()));
            };
            expression.push_str(&regex::escape(&source[at..open]));
            let inner = &source[open + 1..close];
            let (converter, name) = inner.split_once(':').unwrap_or(("str", inner));
            let Some((_, class)) = CONVERTERS.iter().find(|(known, _)| *known == converter) else {
                let what =
                    format!("unknown converter `{converter}`; known: str, int, slug, uuid, path");
                return Err(error(what, open + 1..open + 1 + converter.len()));
            };
            let name_at = close - name.len()..close;
            if !is_identifier(name) {
                let what = format!("`{name}` is no name: use letters, digits and `_`");
                return Err(error(what, name_at));
            }
            if names.contains(&name) {
                return Err(error(format!("`{name}` is captured twice"), name_at));
            }
            names.push(name);
            let _infallible = write!(expression, "(?P<{name}>{class})");
            at = close + 1;
        }
        if let Some(stray) = source[at..].find('>').map(|stray| at + stray) {
            return Err(error("`>` without `<`".into(), stray..stray + 1));
        }
        if source.starts_with('/') {
            let what = "a pattern has no leading `/`: the router takes it off the path";
            return Err(error(what.into(), 0..1));
        }
        expression.push_str(&regex::escape(&source[at..]));
        expression.push('$');
        Self::compile(&expression, source)
    }

    /// Compiles a regular expression, which may match anywhere, as Django's does.
    pub(crate) fn re_path(source: &str) -> Result<Self, PatternError> {
        if source.starts_with("^/") {
            return Err(PatternError {
                what: "a pattern has no leading `/`: the router takes it off the path".into(),
                pattern: source.to_owned(),
                at: 1..2,
            });
        }
        Self::compile(source, source)
    }

    fn compile(expression: &str, source: &str) -> Result<Self, PatternError> {
        match Regex::new(expression) {
            Ok(regex) => Ok(Self {
                regex,
                source: source.to_owned(),
            }),
            Err(error) => Err(PatternError {
                what: error.to_string(),
                pattern: source.to_owned(),
                at: 0..source.len(),
            }),
        }
    }

    pub(crate) fn is_match(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The rest of the path behind the match, and what was captured.
    pub(crate) fn captures<'p>(&self, path: &'p str, kwargs: &mut Kwargs) -> Option<&'p str> {
        let captures: Captures<'_> = self.regex.captures(path)?;
        for name in self.regex.capture_names().flatten() {
            if let Some(value) = captures.name(name) {
                kwargs.insert(name, value.as_str());
            }
        }
        let end = captures.get(0).map_or(0, |whole| whole.end());
        Some(&path[end..])
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let indent = self.pattern[..self.at.start].chars().count();
        let width = self.pattern[self.at.clone()].chars().count().max(1);
        writeln!(f, "{}", self.what)?;
        writeln!(f, "  {}", self.pattern)?;
        write!(f, "  {:indent$}{}", "", "^".repeat(width))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn captured(pattern: &Pattern, path: &str) -> Option<Vec<(String, String)>> {
        let mut kwargs = Kwargs::default();
        pattern.captures(path, &mut kwargs)?;
        Some(
            kwargs
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_path_captures_by_its_converters() {
        let cases = [
            ("chat/", "chat/", Some(vec![])),
            ("chat/", "chat", None),
            ("chat/", "chat/x", None),
            ("c.at/", "chat/", None),
            ("<slug:room>/", "a-b_1/", Some(vec![("room", "a-b_1")])),
            ("<slug:room>/", "a b/", None),
            ("<room>/", "été@x/", Some(vec![("room", "été@x")])),
            (
                "<int:page>/<slug:s>/",
                "12/x/",
                Some(vec![("page", "12"), ("s", "x")]),
            ),
            ("<int:page>/", "x/", None),
            ("f/<path:rest>", "f/a/b", Some(vec![("rest", "a/b")])),
        ];
        for (pattern, path, expected) in cases {
            let compiled = Pattern::path(pattern).expect(pattern);
            let expected = expected.map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(captured(&compiled, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_work_is_refused_at_its_place() {
        let cases = [
            (
                "chat/<slug:room",
                "`<` without `>`\n  chat/<slug:room\n       ^^^^^^^^^^",
            ),
            ("a>b", "`>` without `<`\n  a>b\n   ^"),
            (
                "<slag:room>/",
                "unknown converter `slag`; known: str, int, slug, uuid, path\n  <slag:room>/\n   ^^^^",
            ),
            (
                "<int:>/",
                "`` is no name: use letters, digits and `_`\n  <int:>/\n       ^",
            ),
            (
                "<a>/<int:a>",
                "`a` is captured twice\n  <a>/<int:a>\n           ^",
            ),
            (
                "/chat/",
                "a pattern has no leading `/`: the router takes it off the path\n  /chat/\n  ^",
            ),
        ];
        for (pattern, message) in cases {
            let error = Pattern::path(pattern).expect_err(pattern);
            assert_eq!(error.to_string(), message, "{pattern}");
        }
        assert!(Pattern::re_path("^chat/(").is_err());
        assert!(Pattern::re_path("^/chat").is_err());
    }

    proptest! {
        #[test]
        fn compiling_never_panics(source in "\\PC{0,40}") {
            if let Err(error) = Pattern::path(&source) {
                prop_assert!(!error.to_string().is_empty());
            }
            if let Err(error) = Pattern::re_path(&source) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
