//! Access to patterns for the fuzz targets.

use super::converter::Converters;
use super::pattern::{Pattern, Source};
use super::set::Set;

/// The values that a pattern captures in a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched {
    /// The named groups.
    pub kwargs: Vec<(String, String)>,
    /// The unnamed groups.
    pub args: Vec<String>,
    /// The part of the path after the match.
    pub rest: String,
}

/// Compiles a pattern and matches it against a path without its leading slash.
///
/// # Errors
///
/// The message of an invalid pattern.
///
/// # Panics
///
/// If the automaton of a router does not list a route that matches.
pub fn match_path(
    source: &str,
    is_path: bool,
    leads_on: bool,
    path: &str,
) -> Result<Option<Matched>, String> {
    let source = match is_path {
        true => Source::Path(source.to_owned()),
        false => Source::RePath(source.to_owned()),
    };
    let pattern = Pattern::new(&source, &Converters::default(), leads_on)
        .map_err(|mistake| mistake.to_string())?;
    let found = pattern.find(path).map(|found| Matched {
        kwargs: (found.kwargs.iter())
            .map(|(name, text)| (name.to_string(), (*text).to_owned()))
            .collect(),
        args: found.args.iter().map(|text| (*text).to_owned()).collect(),
        rest: found.rest.to_owned(),
    });
    let set = Set::new(std::iter::once(pattern.hir()));
    assert!(found.is_none() || set.candidates(path) == [0]);
    Ok(found)
}
