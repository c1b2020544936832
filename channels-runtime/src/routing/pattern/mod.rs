//! Path patterns: Django's `path()` and `re_path()`.

use std::sync::Arc;

use regex_syntax::hir::{Capture, Hir, HirKind, Look};

use super::converter::{Converter, Converters};
use super::expression::{self, Captured, Expression};
use super::mistake::Mistake;
use super::template::{self, Part};
use crate::app::{Piece, Value};

/// A pattern as it is written: which of Django's functions, and its argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Path(String),
    RePath(String),
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What it matches.
    expression: Expression,
    shortcut: Option<Shortcut>,
    /// The groups whose texts a converter may refuse.
    checks: Vec<(usize, Arc<Converter>)>,
    /// What a path is built from; none if the expression does not tell.
    pieces: Option<Vec<Piece>>,
    /// The same for patterns that match the same, but for the names of what they capture.
    key: String,
}

/// How a pattern that captures nothing is matched without an expression.
#[derive(Debug)]
enum Shortcut {
    Whole(Box<str>),
    Prefix(Box<str>),
}

/// How a pattern matched.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Match<'r, 'p> {
    pub(super) kwargs: Vec<(&'r Arc<str>, &'p str)>,
    /// The groups' texts, empty for those that took no part. None of them where groups have names.
    pub(super) args: Vec<&'p str>,
    /// What is behind the match.
    pub(super) rest: &'p str,
}

impl Pattern {
    /// Compiles a pattern. One that leads on, to a router, leaves the rest of the path to it.
    pub(super) fn new(
        source: &Source,
        converters: &Converters,
        leads_on: bool,
    ) -> Result<Self, Mistake> {
        match source {
            Source::Path(source) => Self::path(source, converters, leads_on),
            Source::RePath(source) => Self::re_path(source, leads_on),
        }
    }

    fn path(source: &str, converters: &Converters, leads_on: bool) -> Result<Self, Mistake> {
        let parts = template::parse(source, converters)?;
        let mut hirs = vec![Hir::look(Look::Start)];
        let mut pieces = Vec::with_capacity(parts.len());
        let mut checks = Vec::new();
        let mut key = String::from(if leads_on { "prefix " } else { "path " });
        let mut groups = 0;
        for part in parts {
            match part {
                Part::Text(text) => {
                    hirs.push(Hir::literal(text.as_bytes()));
                    pieces.push(Piece::Text(text.into()));
                    key.push_str(text);
                }
                Part::Value { converter, name } => {
                    groups += 1;
                    hirs.push(Hir::capture(Capture {
                        index: groups,
                        name: Some(name.into()),
                        sub: Box::new(converter.hir().clone()),
                    }));
                    key.extend(["<", converter.name(), ">"]);
                    if converter.has_check() {
                        checks.push((groups as usize - 1, Arc::clone(&converter)));
                    }
                    pieces.push(value(name, converter));
                }
            }
        }
        if !leads_on {
            hirs.push(Hir::look(Look::End));
        }
        let shortcut = match groups {
            0 if leads_on => Some(Shortcut::Prefix(source.into())),
            0 => Some(Shortcut::Whole(source.into())),
            _ => None,
        };
        Ok(Self {
            expression: Expression::new(Hir::concat(hirs)),
            shortcut,
            checks,
            pieces: Some(pieces),
            key,
        })
    }

    /// An expression may match anywhere, unless it says where. One that ends with `$` has to match
    /// from the beginning as well: so it is in Django.
    fn re_path(source: &str, leads_on: bool) -> Result<Self, Mistake> {
        if source.starts_with("^/") {
            let what = "a pattern has no leading `/`: the router takes it off the path";
            return Err(Mistake::new(what, source, 1..2));
        }
        let mut hir = expression::parse(source)?;
        if leads_on && hir.properties().look_set_suffix().contains(Look::End) {
            let what = "this leaves nothing of the path to the router behind it: take off the `$`";
            let at = if ends_with_dollar(source) {
                source.len() - 1
            } else {
                0
            };
            return Err(Mistake::new(what, source, at..source.len()));
        }
        if !leads_on && ends_with_dollar(source) {
            hir = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
        }
        Ok(Self {
            pieces: pieces(&hir),
            expression: Expression::new(hir),
            shortcut: None,
            checks: Vec::new(),
            key: format!("re_path {source}"),
        })
    }

    /// Where the pattern matches a path that has lost its leading slash.
    pub(super) fn find<'p>(&self, path: &'p str) -> Option<Match<'_, 'p>> {
        let rest = match &self.shortcut {
            Some(Shortcut::Whole(text)) => (**text == *path).then_some("")?,
            Some(Shortcut::Prefix(text)) => path.strip_prefix(&**text)?,
            None => {
                let captured = self.expression.captures(path)?;
                return self.passes(&captured).then(|| Match::new(captured, path));
            }
        };
        Some(Match {
            rest,
            ..Match::default()
        })
    }

    /// Whether no converter refuses its value.
    fn passes(&self, captured: &Captured<'_, '_>) -> bool {
        self.checks.iter().all(|(group, converter)| {
            let text = captured.texts.get(*group).copied().flatten();
            text.is_some_and(|text| converter.checks(text))
        })
    }

    pub(super) fn hir(&self) -> &Hir {
        self.expression.hir()
    }

    pub(super) fn pieces(&self) -> Option<&[Piece]> {
        self.pieces.as_deref()
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl Source {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Path(source) | Self::RePath(source) => source,
        }
    }
}

impl<'r, 'p> Match<'r, 'p> {
    /// Django's rule: where there are named groups, the others are left out.
    fn new(captured: Captured<'r, 'p>, path: &'p str) -> Self {
        let Captured { groups, texts, end } = captured;
        let rest = &path[end..];
        let mut found = Self {
            rest,
            ..Self::default()
        };
        if groups.iter().any(Option::is_some) {
            let named = groups.iter().zip(texts);
            found.kwargs = named
                .filter_map(|(name, text)| Some((name.as_ref()?, text?)))
                .collect();
        } else {
            found.args = texts.into_iter().map(Option::unwrap_or_default).collect();
        }
        found
    }
}

fn ends_with_dollar(source: &str) -> bool {
    source.strip_suffix('$').is_some_and(|before| {
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        backslashes % 2 == 0
    })
}

/// What builds a path that an expression matches: texts and named groups; nothing else tells what
/// has to stand in the path.
fn pieces(hir: &Hir) -> Option<Vec<Piece>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(Look::Start | Look::End) => Some(Vec::new()),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(vec![Piece::Text(text.into())])
        }
        HirKind::Capture(Capture {
            name: Some(name),
            sub,
            ..
        }) => Some(vec![value(name, Arc::new(Converter::group(sub)))]),
        HirKind::Concat(subs) => {
            let all: Option<Vec<_>> = subs.iter().map(pieces).collect();
            Some(all?.into_iter().flatten().collect())
        }
        _ => None,
    }
}

fn value(name: &str, converter: Arc<Converter>) -> Piece {
    Piece::Value(Value {
        name: name.into(),
        fits: Arc::new(move |text| converter.fits(text)),
    })
}

#[cfg(test)]
mod tests;
