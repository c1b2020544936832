//! The text of a `path()`: `chat/<slug:room>/<int:page>/`.

use std::ops::Range;
use std::sync::Arc;

use super::converter::{Converter, Converters, is_identifier};
use super::mistake::Mistake;

/// A part of a pattern.
#[derive(Debug)]
pub(super) enum Part<'s> {
    Text(&'s str),
    Value {
        converter: Arc<Converter>,
        name: &'s str,
    },
}

/// Reads a pattern.
pub(super) fn parse<'s>(
    source: &'s str,
    converters: &Converters,
) -> Result<Vec<Part<'s>>, Mistake> {
    let wrong = |what: String, at: Range<usize>| Mistake::new(what, source, at);
    if source.starts_with('/') {
        let what = "a pattern has no leading `/`: the router takes it off the path";
        return Err(wrong(what.into(), 0..1));
    }
    if let Some(at) = expression(source) {
        let what = "this is a regular expression: it goes to `re_path`";
        return Err(wrong(what.into(), at));
    }
    let mut parts = Vec::new();
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find('<').map(|open| at + open) {
        text(source, at..open, &mut parts)?;
        let Some(close) = source[open..].find('>').map(|close| open + close) else {
            return Err(wrong("`<` without `>`".into(), open..source.len()));
        };
        let inner = &source[open + 1..close];
        let (converter, name) = inner.split_once(':').unwrap_or(("str", inner));
        let converter = converters
            .get(converter)
            .map_err(|what| wrong(what, open + 1..open + 1 + converter.len()))?;
        let name_at = close - name.len()..close;
        if !is_identifier(name) {
            let what = format!("`{name}` is no name: use letters, digits and `_`");
            return Err(wrong(what, name_at));
        }
        if names.contains(&name) {
            return Err(wrong(format!("`{name}` is captured twice"), name_at));
        }
        names.push(name);
        parts.push(Part::Value {
            converter: Arc::clone(converter),
            name,
        });
        at = close + 1;
    }
    text(source, at..source.len(), &mut parts)?;
    Ok(parts)
}

/// What only stands in the argument of `re_path`. Django warns of the same.
fn expression(source: &str) -> Option<Range<usize>> {
    let group = source.find("(?P<").map(|at| at..at + 4);
    let start = source.starts_with('^').then_some(0..1);
    let end = source
        .ends_with('$')
        .then(|| source.len() - 1..source.len());
    group.or(start).or(end)
}

fn text<'s>(source: &'s str, at: Range<usize>, parts: &mut Vec<Part<'s>>) -> Result<(), Mistake> {
    let text = &source[at.clone()];
    if let Some(stray) = text.find('>').map(|stray| at.start + stray) {
        let what = "`>` without `<`";
        return Err(Mistake::new(what, source, stray..stray + 1));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(())
}
