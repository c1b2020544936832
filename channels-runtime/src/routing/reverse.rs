//! From a route's name back to a path: Django's `reverse()`.

use std::fmt::Display;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::{Line, Piece, Value};
use crate::{Error, ErrorKind, Result};

/// What is escaped in a path: all but RFC 3986's unreserved characters and sub-delims, `:`, `@` and
/// `/`. So does Django.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// Builds the path of the route that takes just these values.
pub(super) fn reverse(
    name: &str,
    lines: &[Arc<Line>],
    kwargs: &[(&str, &dyn Display)],
) -> Result<String> {
    let kwargs: Vec<(&str, String)> = kwargs
        .iter()
        .map(|(name, value)| (*name, value.to_string()))
        .collect();
    let mut mistakes = Vec::new();
    for line in lines {
        match build(line, &kwargs) {
            Ok(path) => return Ok(path),
            Err(mistake) => mistakes.push(format!("`{}` {mistake}", line.pattern)),
        }
    }
    let message = format!("no path for `{name}`: {}", mistakes.join("; "));
    Err(Error::new(ErrorKind::Config, message))
}

/// The path, or what stands against it.
fn build(line: &Line, kwargs: &[(&str, String)]) -> Result<String, String> {
    let Some(pieces) = &line.pieces else {
        return Err("has an expression that does not tell what a path looks like".into());
    };
    let names = parameters(line);
    if let Some((name, _)) = kwargs.iter().find(|(name, _)| !names.contains(name)) {
        return Err(format!("does not capture `{name}`"));
    }
    let mut path = String::from("/");
    for piece in pieces {
        match piece {
            Piece::Text(text) => path.push_str(text),
            Piece::Value(value) => path.push_str(given(value, kwargs)?),
        }
    }
    // Two slashes at the beginning would make the next segment a host.
    let path = match path.strip_prefix("//") {
        Some(rest) => format!("/%2F{}", utf8_percent_encode(rest, &ESCAPED)),
        None => utf8_percent_encode(&path, &ESCAPED).to_string(),
    };
    Ok(path)
}

fn given<'k>(value: &Value, kwargs: &'k [(&str, String)]) -> Result<&'k str, String> {
    let Value { name, fits } = value;
    let Some((_, text)) = kwargs.iter().find(|(given, _)| *given == &**name) else {
        return Err(format!("needs `{name}`"));
    };
    if !fits(text) {
        return Err(format!("takes no `{text}` as `{name}`"));
    }
    Ok(text)
}

/// The names of what a route captures, sorted.
pub(super) fn parameters(line: &Line) -> Vec<&str> {
    let pieces = line.pieces.as_deref().unwrap_or_default();
    let mut names: Vec<&str> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Value(value) => Some(&*value.name),
            Piece::Text(_) => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
