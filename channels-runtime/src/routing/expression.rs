//! Regular expressions: read, and compiled.

use std::sync::{Arc, OnceLock};

use regex_automata::meta::{self, Regex};
use regex_automata::{Input, PatternID};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};

use super::mistake::Mistake;

/// Reads an expression.
pub(super) fn parse(source: &str) -> Result<Hir, Mistake> {
    let (what, span) = match regex_syntax::parse(source) {
        Ok(hir) if hir.properties().minimum_len().is_none() => {
            return Err(Mistake::whole("no text matches this", source));
        }
        Ok(hir) if size(&hir) > MOST => {
            let what = format!("this is too large: more than {MOST} characters and ranges of them");
            return Err(Mistake::whole(what, source));
        }
        Ok(hir) => return Ok(hir),
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), *error.span()),
        Err(regex_syntax::Error::Translate(error)) => (error.kind().to_string(), *error.span()),
        Err(error) => return Err(Mistake::whole(error.to_string(), source)),
    };
    let at = span.start.offset..span.end.offset;
    let what = match source.get(at.clone()) {
        Some("\\Z") => "the end of the text is `$`, as `\\Z` is in Python".into(),
        _ => what,
    };
    Err(Mistake::new(what, source, at))
}

/// How large an expression may be: in characters and ranges of characters, once its repetitions are
/// written out.
const MOST: u64 = 1 << 16;

fn size(hir: &Hir) -> u64 {
    let sum = |subs: &[Hir]| subs.iter().map(size).fold(0, u64::saturating_add);
    let parts = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            size(sub).saturating_mul(max.unwrap_or(*min).max(1).into())
        }
        HirKind::Capture(Capture { sub, .. }) => size(sub),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => sum(subs),
    };
    parts.saturating_add(1)
}

/// An expression that tells what it has captured. It is compiled when it is first asked: most
/// routes of a large table never are.
#[derive(Debug)]
pub(super) struct Expression {
    hir: Hir,
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    /// The names of the groups, from the first on.
    groups: Vec<Option<Arc<str>>>,
}

/// What an expression captured.
pub(super) struct Captured<'e, 'p> {
    /// The names of the groups.
    pub(super) groups: &'e [Option<Arc<str>>],
    /// Their texts; none for those that took no part.
    pub(super) texts: Vec<Option<&'p str>>,
    /// Where the match ends.
    pub(super) end: usize,
}

impl Expression {
    pub(super) fn new(hir: Hir) -> Self {
        Self {
            hir,
            compiled: OnceLock::new(),
        }
    }

    pub(super) fn hir(&self) -> &Hir {
        &self.hir
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.compiled()
            .is_some_and(|compiled| compiled.regex.is_match(text))
    }

    /// The first match.
    pub(super) fn captures<'p>(&self, path: &'p str) -> Option<Captured<'_, 'p>> {
        let Compiled { regex, groups } = self.compiled()?;
        let mut captures = regex.create_captures();
        regex.search_captures(&Input::new(path), &mut captures);
        let end = captures.get_match()?.end();
        let texts = (1..=groups.len())
            .map(|group| captures.get_group(group).map(|span| &path[span.range()]))
            .collect();
        Some(Captured { groups, texts, end })
    }

    fn compiled(&self) -> Option<&Compiled> {
        let compiled = self.compiled.get_or_init(|| match compile(&self.hir) {
            Ok(regex) => {
                let names = regex.group_info().pattern_names(PatternID::ZERO).skip(1);
                let groups = names.map(|name| name.map(Arc::from)).collect();
                Some(Compiled { regex, groups })
            }
            // What `parse` lets through is small enough.
            Err(error) => {
                tracing::error!(%error, "an expression does not compile: its route matches nothing");
                None
            }
        });
        compiled.as_ref()
    }
}

/// Compiles an expression for short texts, without those tables of states that grow large where
/// letters of all scripts are asked for.
fn compile(hir: &Hir) -> Result<Regex, Box<meta::BuildError>> {
    let config = meta::Config::new()
        .hybrid(false)
        .onepass(false)
        .nfa_size_limit(None);
    Ok(Regex::builder().configure(config).build_from_hir(hir)?)
}

/// The expression without its groups.
pub(super) fn without_groups(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Capture(Capture { sub, .. }) => without_groups(sub),
        HirKind::Repetition(repetition) => {
            Hir::repetition(repetition.with(without_groups(&repetition.sub)))
        }
        HirKind::Concat(subs) => Hir::concat(subs.iter().map(without_groups).collect()),
        HirKind::Alternation(subs) => Hir::alternation(subs.iter().map(without_groups).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}
