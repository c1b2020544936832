//! All patterns of a router as one automaton: a path is looked at once, however many there are.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::hybrid::dfa::{Builder, Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::Hir;

use super::wide::widened;

/// How much of the automaton is kept, for each thread that routes at a time: so much, and so much for
/// each pattern. It is made as paths come; what does not fit is made again.
const KEPT_BYTES: usize = 1024 * 1024;
const KEPT_BYTES_EACH: usize = 4 * 1024;

type MakeCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// The patterns of a router.
///
/// The automaton tells which of them may match; the pattern itself tells whether it does, and what
/// it captures.
pub(super) struct Set {
    patterns: usize,
    automaton: Option<(DFA, Pool<Cache, MakeCache>)>,
}

impl Set {
    pub(super) fn new<'h>(patterns: impl Iterator<Item = &'h Hir>) -> Self {
        let wide: Vec<Hir> = patterns.map(widened).collect();
        let automaton = match build(&wide) {
            Ok(dfa) => {
                let of = dfa.clone();
                let make: MakeCache = Box::new(move || of.create_cache());
                Some((dfa, Pool::new(make)))
            }
            Err(error) => {
                let patterns = wide.len();
                tracing::warn!(%error, patterns, "these routes are tried one by one");
                None
            }
        };
        Self {
            patterns: wide.len(),
            automaton,
        }
    }

    /// The patterns that may match a path, in order.
    pub(super) fn candidates(&self, path: &str) -> Vec<usize> {
        let found = self.automaton.as_ref().and_then(|(dfa, caches)| {
            let mut cache = caches.get();
            matching(dfa, &mut cache, path)
        });
        found.unwrap_or_else(|| (0..self.patterns).collect())
    }
}

fn build(patterns: &[Hir]) -> Result<DFA, Box<dyn std::error::Error>> {
    // A path is text, so no pattern has to make sure that it is; and no captures are asked for.
    let config = thompson::Config::new()
        .utf8(false)
        .which_captures(WhichCaptures::None);
    let nfa = thompson::Compiler::new()
        .configure(config)
        .build_many_from_hir(patterns)?;
    // All patterns, not only the first: that one may be a router that has no route, or have a
    // converter that refuses its value.
    let config = Config::new()
        .match_kind(MatchKind::All)
        .cache_capacity(KEPT_BYTES + patterns.len() * KEPT_BYTES_EACH)
        .skip_cache_capacity_check(true);
    Ok(Builder::new().configure(config).build_from_nfa(nfa)?)
}

/// The state behind the whole path knows all patterns that match it. None if the automaton gives up.
fn matching(dfa: &DFA, cache: &mut Cache, path: &str) -> Option<Vec<usize>> {
    let input = Input::new(path).anchored(Anchored::Yes);
    let mut state = dfa.start_state_forward(cache, &input).ok()?;
    for &byte in path.as_bytes() {
        state = dfa.next_state(cache, state, byte).ok()?;
        if state.is_dead() {
            return Some(Vec::new());
        }
    }
    state = dfa.next_eoi_state(cache, state).ok()?;
    if !state.is_match() {
        return Some(Vec::new());
    }
    let mut found: Vec<usize> = (0..dfa.match_len(cache, state))
        .map(|index| dfa.match_pattern(cache, state, index).as_usize())
        .collect();
    found.sort_unstable();
    Some(found)
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set")
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::converter::Converters;
    use super::super::pattern::{Pattern, Source};
    use super::*;

    fn pattern(source: &Source, leads_on: bool) -> Option<Pattern> {
        Pattern::new(source, &Converters::default(), leads_on).ok()
    }

    /// The routes that match, in order: with the automaton, and with a scan.
    fn both(patterns: &[Pattern], path: &str) -> (Vec<usize>, Vec<usize>) {
        let set = Set::new(patterns.iter().map(Pattern::hir));
        let mut found = set.candidates(path);
        found.retain(|index| patterns[*index].find(path).is_some());
        let scan = (0..patterns.len()).filter(|index| patterns[*index].find(path).is_some());
        (found, scan.collect())
    }

    #[test]
    fn no_candidate_is_missing() {
        let expressions = [
            "",
            "^$",
            "$",
            "bar",
            "^bar",
            "bar$",
            r"\bbar\b",
            r"\w+",
            r"^\w+/$",
            "(?i)^STRASSE/",
            "(?i)été",
            r"^[^/]+/$",
            "^(a|b)?/",
            "x|^y|z$",
            r"(?m)^a$",
            r"(?s)^a.b",
            r"^\D\d{2,4}/",
            r"(?P<a>\s*)x",
            r"^(\b)+a",
            r"^(ab?)*/",
            r"(?P<long>[a-z/]{20,})?x",
            "(?-u:a)",
        ];
        let paths = [
            "",
            "bar",
            "foo bar",
            "foobar",
            "bar/",
            "été/",
            "STRASSE/",
            "straße/",
            "ÉTÉ",
            "a/",
            "/",
            "xyz",
            "a\nb",
            "a\na",
            "x123/",
            "日本/",
            "\u{2003}x",
            "\u{10ffff}",
        ];
        let sources = expressions.map(|source| Source::RePath(source.into()));
        let patterns: Vec<_> = sources
            .iter()
            .map(|s| pattern(s, false).expect("one"))
            .collect();
        let mut matches = 0;
        for path in paths {
            let (found, scan) = both(&patterns, path);
            assert_eq!(found, scan, "{path:?}");
            matches += found.len();
        }
        assert!(matches > 60, "only {matches}");
    }

    #[test]
    fn thousands_of_routes_fit() {
        let sources: Vec<_> = (0..5000)
            .map(|number| match number % 3 {
                0 => Source::Path(format!("part-{number}/<slug:room>/<int:page>/")),
                1 => Source::RePath(format!(r"^part-{number}/(?P<room>\w+)/$")),
                _ => Source::Path(format!("<str:tenant>/part-{number}/<uuid:id>/")),
            })
            .collect();
        let patterns: Vec<_> = sources
            .iter()
            .map(|s| pattern(s, false).expect("one"))
            .collect();
        let set = Set::new(patterns.iter().map(Pattern::hir));
        assert!(set.automaton.is_some());
        let uuid = "075194d3-6885-417e-a8a8-6c931e272f00";
        assert_eq!(set.candidates("part-3000/lobby/7/"), [3000]);
        assert_eq!(set.candidates("part-4998/été/"), [0; 0]);
        assert_eq!(set.candidates("part-4996/été/"), [4996]);
        assert_eq!(set.candidates(&format!("été/part-4994/{uuid}/")), [4994]);
        assert_eq!(set.candidates("part-5000/lobby/"), [0; 0]);
    }

    fn sources() -> impl Strategy<Value = Vec<(bool, String)>> {
        let path = "([ab/é]|<str:x>|<int:y>|<path:z>){0,4}";
        let expression = r"\^?([ab/é.]|\(a\|b\)|\w|[a-b]*|\(\?P<n>[^/]\+\)){0,4}\$?";
        let one = prop_oneof![
            (Just(true), path),
            (Just(false), expression),
            (Just(false), r"[\^$ab/é.*+?|()\[\]\\wdbDS-]{0,8}"),
        ];
        proptest::collection::vec(one, 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn the_automaton_finds_what_a_scan_finds(
            sources in sources(),
            leads_on: bool,
            paths in proptest::collection::vec("[ab0/é\n日]{0,8}", 1..6),
        ) {
            let patterns: Vec<Pattern> = sources
                .iter()
                .map(|(is_path, source)| match is_path {
                    true => Source::Path(source.clone()),
                    false => Source::RePath(source.clone()),
                })
                .filter_map(|source| pattern(&source, leads_on))
                .collect();
            for path in paths {
                let (found, scan) = both(&patterns, &path);
                prop_assert_eq!(found, scan, "{:?} on {:?}", &patterns, path);
            }
        }
    }
}
