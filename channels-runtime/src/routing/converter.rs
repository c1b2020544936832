//! What `<converter:name>` stands for.

use std::fmt;
use std::sync::{Arc, LazyLock};

use regex_syntax::hir::{Hir, Look};

use super::expression::{Expression, parse, without_groups};
use super::mistake::Mistake;
use crate::suggest::did_you_mean;

/// Django's path converters, each with the expression that it stands for.
const DJANGOS: [(&str, &str); 5] = [
    ("str", "[^/]+"),
    ("int", "[0-9]+"),
    ("slug", "[-a-zA-Z0-9_]+"),
    (
        "uuid",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    ("path", ".+"),
];

static BUILT_IN: LazyLock<Vec<Arc<Converter>>> = LazyLock::new(|| {
    DJANGOS
        .iter()
        .filter_map(|(name, expression)| Converter::new(name, expression, None).ok())
        .map(Arc::new)
        .collect()
});

/// What may refuse a text that the expression matches.
pub(super) type Check = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A kind of values in a path.
pub(super) struct Converter {
    name: Arc<str>,
    hir: Hir,
    check: Option<Check>,
    /// The expression over a whole text: for the values that paths are built from.
    whole: Expression,
}

impl Converter {
    pub(super) fn new(name: &str, expression: &str, check: Option<Check>) -> Result<Self, Mistake> {
        let hir = parse(expression)?;
        let looks = hir.properties().look_set();
        if looks.contains(Look::Start) || looks.contains(Look::End) {
            let what = "a converter is a part of a pattern: it has no `^` and no `$`";
            return Err(Mistake::whole(what, expression));
        }
        Ok(Self::of(name, without_groups(&hir), check))
    }

    /// What a group of an expression captures.
    pub(super) fn group(hir: &Hir) -> Self {
        let hir = without_groups(hir);
        Self::of("", hir, None)
    }

    fn of(name: &str, hir: Hir, check: Option<Check>) -> Self {
        let [start, end] = [Look::Start, Look::End].map(Hir::look);
        let whole = Hir::concat(vec![start, hir.clone(), end]);
        Self {
            name: name.into(),
            hir,
            check,
            whole: Expression::new(whole),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn hir(&self) -> &Hir {
        &self.hir
    }

    pub(super) fn has_check(&self) -> bool {
        self.check.is_some()
    }

    /// What the check says of a text that the expression has matched.
    pub(super) fn checks(&self, text: &str) -> bool {
        self.check.as_ref().is_none_or(|check| check(text))
    }

    /// Whether a text is a value of this kind.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.whole.is_match(text) && self.checks(text)
    }
}

impl fmt::Debug for Converter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Converter")
            .field("name", &self.name)
            .field("expression", &self.hir.to_string())
            .finish_non_exhaustive()
    }
}

/// The converters that a router knows: Django's and its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Converters(Vec<Arc<Converter>>);

impl Converters {
    pub(super) fn add(
        &mut self,
        name: &str,
        expression: &str,
        check: Option<Check>,
    ) -> Result<(), Mistake> {
        if !is_identifier(name) {
            let what = "this is no name of a converter: use letters, digits and `_`";
            return Err(Mistake::whole(what, name));
        }
        if self.find(name).is_some() {
            let what = "there is a converter of this name already";
            return Err(Mistake::whole(what, name));
        }
        let converter = Converter::new(name, expression, check)?;
        self.0.push(Arc::new(converter));
        Ok(())
    }

    /// The converter of a name.
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
    pub(super) fn get(&self, name: &str) -> Result<&Arc<Converter>, String> {
        self.find(name).ok_or_else(|| {
            let known: Vec<&str> = self.all().map(|known| &*known.name).collect();
            let meant = did_you_mean(name, &known);
            let known = known.join(", ");
            format!("unknown converter `{name}`{meant} (known: {known})")
        })
    }

    fn find(&self, name: &str) -> Option<&Arc<Converter>> {
        self.all().find(|known| &*known.name == name)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Converter>> {
        BUILT_IN.iter().chain(&self.0)
    }
}

/// Python's word for what a name may be, in ASCII.
pub(super) fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn djangos_converters_are_there() {
        let converters = Converters::default();
        for (name, text) in [
            ("str", "a b"),
            ("int", "007"),
            ("slug", "a-B_1"),
            ("uuid", "075194d3-6885-417e-a8a8-6c931e272f00"),
            ("path", "a/b"),
        ] {
            assert!(converters.get(name).expect(name).fits(text), "{name}");
            assert!(!converters.get(name).expect(name).fits(""), "{name}");
        }
    }

    #[test]
    fn a_converter_that_cannot_work_is_refused() {
        let cases = [
            ("day", "[0-9", "unclosed character class\n  [0-9\n  ^"),
            (
                "day",
                "^[0-9]",
                "a converter is a part of a pattern: it has no `^` and no `$`\n  ^[0-9]\n  ^^^^^^",
            ),
            (
                "a-b",
                "x",
                "this is no name of a converter: use letters, digits and `_`\n  a-b\n  ^^^",
            ),
            (
                "int",
                "x",
                "there is a converter of this name already\n  int\n  ^^^",
            ),
            ("none", "[a&&b]", "no text matches this\n  [a&&b]\n  ^^^^^^"),
        ];
        for (name, expression, message) in cases {
            let refused = Converters::default().add(name, expression, None);
            assert_eq!(refused.expect_err(message).to_string(), message);
        }
    }

    #[test]
    fn a_check_refuses_values() {
        let mut converters = Converters::default();
        let check: Check = Box::new(|text| text.starts_with("20"));
        converters
            .add("year", "([0-9]{2}){2}", Some(check))
            .expect("a converter");
        let year = converters.get("year").expect("known");
        assert!(year.fits("2024") && !year.fits("1924") && !year.fits("20245"));
        let unknown = converters.get("yaer").expect_err("unknown");
        assert_eq!(
            unknown,
            "unknown converter `yaer`; did you mean `year`? (known: str, int, slug, uuid, path, year)"
        );
    }
}
