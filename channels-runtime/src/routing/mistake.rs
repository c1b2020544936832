//! What is wrong with a pattern, with its place underlined.

use std::fmt;
use std::ops::Range;

/// Why a pattern cannot work, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    what: String,
    pattern: String,
    /// The place in the pattern, as bytes.
    at: Range<usize>,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>, pattern: &str, at: Range<usize>) -> Self {
        Self {
            what: what.into(),
            pattern: pattern.to_owned(),
            at,
        }
    }

    /// A mistake of the whole pattern.
    pub(super) fn whole(what: impl Into<String>, pattern: &str) -> Self {
        Self::new(what, pattern, 0..pattern.len())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = shown(&self.pattern[..self.at.start]);
        let place = shown(&self.pattern[self.at.clone()]);
        let after = shown(&self.pattern[self.at.end..]);
        let indent = before.chars().count();
        let width = place.chars().count().max(1);
        writeln!(f, "{}", self.what)?;
        writeln!(f, "  {before}{place}{after}")?;
        write!(f, "  {:indent$}{}", "", "^".repeat(width))
    }
}

/// A line break in the pattern must not make two lines of it.
fn shown(part: &str) -> String {
    let mut shown = String::with_capacity(part.len());
    for char in part.chars() {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}
