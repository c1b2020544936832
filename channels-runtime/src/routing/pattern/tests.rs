use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn path(source: &str, leads_on: bool) -> Result<Pattern, Mistake> {
    let source = Source::Path(source.to_owned());
    Pattern::new(&source, &Converters::default(), leads_on)
}

fn re_path(source: &str, leads_on: bool) -> Result<Pattern, Mistake> {
    let source = Source::RePath(source.to_owned());
    Pattern::new(&source, &Converters::default(), leads_on)
}

/// What Django's own patterns do: see `tests/interop/make_routing_vectors.py`.
#[derive(Deserialize)]
struct Vectors {
    paths: Vec<String>,
    patterns: Vec<OfPattern>,
}

#[derive(Deserialize)]
struct OfPattern {
    kind: String,
    pattern: String,
    endpoint: bool,
    matches: BTreeMap<String, Found>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Found {
    rest: String,
    args: Vec<Option<String>>,
    kwargs: BTreeMap<String, String>,
}

#[test]
fn patterns_match_what_djangos_match() {
    let vectors = include_str!("../../../../tests/interop/routing.json");
    let vectors: Vectors = serde_json::from_str(vectors).expect("the vectors");
    let mut compared = 0;
    for vector in &vectors.patterns {
        let source = &vector.pattern;
        let pattern = match &*vector.kind {
            "path" => path(source, !vector.endpoint),
            _ => re_path(source, !vector.endpoint),
        };
        let pattern = pattern.expect(source);
        for path in &vectors.paths {
            let found = pattern.find(path).map(|found| Found {
                rest: found.rest.to_owned(),
                args: found.args.iter().map(|text| Some((*text).into())).collect(),
                kwargs: found
                    .kwargs
                    .iter()
                    .map(|(name, text)| (name.to_string(), (*text).to_owned()))
                    .collect(),
            });
            // A group that took no part is None there, and empty here.
            let expected = vector.matches.get(path).map(|found| Found {
                rest: found.rest.clone(),
                args: found
                    .args
                    .iter()
                    .map(|text| Some(text.clone().unwrap_or_default()))
                    .collect(),
                kwargs: found.kwargs.clone(),
            });
            assert_eq!(found, expected, "{} {source} on {path:?}", vector.kind);
            compared += 1;
        }
    }
    assert_eq!((vectors.patterns.len(), compared), (73, 73 * 44));
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
            "unknown converter `slag`; did you mean `slug`? (known: str, int, slug, uuid, path)\n  \
             <slag:room>/\n   ^^^^",
        ),
        (
            "<year:y>/",
            "unknown converter `year` (known: str, int, slug, uuid, path)\n  <year:y>/\n   ^^^^",
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
        (
            "^chat/",
            "this is a regular expression: it goes to `re_path`\n  ^chat/\n  ^",
        ),
        (
            "chat/$",
            "this is a regular expression: it goes to `re_path`\n  chat/$\n       ^",
        ),
        (
            "(?P<room>.*)/",
            "this is a regular expression: it goes to `re_path`\n  (?P<room>.*)/\n  ^^^^",
        ),
        (
            "été/<\n>",
            "`\n` is no name: use letters, digits and `_`\n  été/<\\n>\n       ^^",
        ),
    ];
    for (pattern, message) in cases {
        let error = path(pattern, false).expect_err(pattern);
        assert_eq!(error.to_string(), message, "{pattern}");
    }
}

#[test]
fn an_expression_that_cannot_work_is_refused_at_its_place() {
    let cases = [
        ("^chat/(", false, "unclosed group\n  ^chat/(\n        ^"),
        (
            "^/chat/$",
            false,
            "a pattern has no leading `/`: the router takes it off the path\n  ^/chat/$\n   ^",
        ),
        (
            r"^chat/(?=x)",
            false,
            "look-around, including look-ahead and look-behind, is not supported\n  ^chat/(?=x)\n        ^^^",
        ),
        (
            r"^(?P<a>x)(?P<a>y)$",
            false,
            "duplicate capture group name\n  ^(?P<a>x)(?P<a>y)$\n               ^",
        ),
        (
            r"^(x)\1$",
            false,
            "backreferences are not supported\n  ^(x)\\1$\n      ^^",
        ),
        (
            r"^chat/\Z",
            false,
            "the end of the text is `$`, as `\\Z` is in Python\n  ^chat/\\Z\n        ^^",
        ),
        (
            "^[a&&b]$",
            false,
            "no text matches this\n  ^[a&&b]$\n  ^^^^^^^^",
        ),
        (
            r"^\w{9999}$",
            false,
            "this is too large: more than 65536 characters and ranges of them\n  ^\\w{9999}$\n  ^^^^^^^^^^",
        ),
        (
            "^in/$",
            true,
            "this leaves nothing of the path to the router behind it: take off the `$`\n  ^in/$\n      ^",
        ),
        (
            r"^in/\z",
            true,
            "this leaves nothing of the path to the router behind it: take off the `$`\n  ^in/\\z\n  ^^^^^^",
        ),
    ];
    for (expression, leads_on, message) in cases {
        let error = re_path(expression, leads_on).expect_err(expression);
        assert_eq!(error.to_string(), message, "{expression}");
    }
    re_path(r"^in/\$", true).expect("that is no end");
    re_path(r"(?i)^straße/$", false).expect("letters have cases");
}

#[test]
fn a_check_makes_a_value_no_match() {
    let mut converters = Converters::default();
    let check = Box::new(|text: &str| text.parse::<u8>().is_ok());
    converters.add("u8", "[0-9]+", Some(check)).expect("added");
    let source = Source::Path("<str:a>/<u8:n>/".into());
    let pattern = Pattern::new(&source, &converters, false).expect("a pattern");
    let found = pattern.find("256/255/").expect("it fits");
    let texts: Vec<&str> = found.kwargs.iter().map(|(_, text)| *text).collect();
    assert_eq!(texts, ["256", "255"]);
    assert_eq!(pattern.find("255/256/"), None);
}

proptest! {
    #[test]
    fn compiling_never_panics(source in "\\PC{0,40}|[<>/a:(?P=$^*\\\\\\[\\]{},0-9]{0,20}", leads_on: bool) {
        for pattern in [path(&source, leads_on), re_path(&source, leads_on)] {
            match pattern {
                Ok(pattern) => { pattern.find(&source); }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
