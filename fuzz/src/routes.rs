//! Patterns of routes: they match what a plain regular expression matches.

use channels_runtime::__fuzz::{Matched, match_path};
use regex::Regex;

use crate::support::line;

/// The first byte says which of `path()` and `re_path()` it is, and whether the route leads to
/// another router; the first line is the pattern, the second one a path.
pub fn routes(data: &[u8]) {
    let Some((kind, mut data)) = data.split_first() else {
        return;
    };
    let (is_path, leads_on) = (kind & 1 == 0, kind & 2 != 0);
    let (pattern, path) = (line(&mut data), data);
    let (Ok(pattern), Ok(path)) = (std::str::from_utf8(pattern), std::str::from_utf8(path)) else {
        return;
    };
    let Ok(ours) = match_path(pattern, is_path, leads_on, path) else {
        return;
    };
    let expression = match is_path {
        true => template(pattern, leads_on),
        false => whole(pattern, leads_on),
    };
    let Some(regex) = expression.and_then(|expression| Regex::new(&expression).ok()) else {
        return;
    };
    assert_eq!(ours, by_regex(&regex, path), "{regex}");
}

/// Django's `_route_to_regex`.
fn template(pattern: &str, leads_on: bool) -> Option<String> {
    let mut expression = String::from(r"\A");
    let mut rest = pattern;
    while let Some((text, behind)) = rest.split_once('<') {
        let (value, behind) = behind.split_once('>')?;
        let (converter, name) = value.split_once(':').unwrap_or(("str", value));
        let part = match converter {
            "str" => "[^/]+",
            "int" => "[0-9]+",
            "slug" => "[-a-zA-Z0-9_]+",
            "uuid" => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "path" => ".+",
            _ => return None,
        };
        expression += &format!("{}(?P<{name}>{part})", regex::escape(text));
        rest = behind;
    }
    expression += &regex::escape(rest);
    if !leads_on {
        expression += r"\z";
    }
    Some(expression)
}

/// Django matches a pattern that ends with `$` against the whole path.
fn whole(pattern: &str, leads_on: bool) -> Option<String> {
    if leads_on || !pattern.ends_with('$') {
        return Some(pattern.to_owned());
    }
    // A comment would swallow the parenthesis. Flags would apply to what is around the pattern.
    let is_plain = !pattern.contains('#') && !pattern.ends_with(r"\$");
    is_plain.then(|| format!(r"\A(?:{pattern})\z"))
}

fn by_regex(regex: &Regex, path: &str) -> Option<Matched> {
    let captures = regex.captures(path)?;
    let whole = captures.get(0)?;
    let groups: Vec<_> = regex.capture_names().zip(captures.iter()).skip(1).collect();
    let is_named = groups.iter().any(|(name, _)| name.is_some());
    let text = |found: &Option<regex::Match<'_>>| found.map(|found| found.as_str().to_owned());
    Some(Matched {
        kwargs: groups
            .iter()
            .filter_map(|(name, found)| Some(((*name)?.to_owned(), text(found)?)))
            .collect(),
        args: match is_named {
            true => Vec::new(),
            false => groups
                .iter()
                .map(|(_, found)| text(found).unwrap_or_default())
                .collect(),
        },
        rest: path[whole.end()..].to_owned(),
    })
}
