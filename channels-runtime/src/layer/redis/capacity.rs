//! How many messages may wait for a channel: by the first pattern that its name matches.

use std::str::Chars;

/// The capacities of channels, `capacity` and `channel_capacity` of `channels_redis`.
#[derive(Clone, Debug)]
pub(crate) struct Capacities {
    patterns: Vec<(Pattern, usize)>,
    otherwise: usize,
}

impl Capacities {
    /// The patterns are asked in order; `otherwise` is for names that none of them matches.
    pub(crate) fn new<'a>(
        patterns: impl IntoIterator<Item = (&'a str, usize)>,
        otherwise: usize,
    ) -> Self {
        let patterns = patterns.into_iter();
        Self {
            patterns: patterns
                .map(|(pattern, capacity)| (Pattern::new(pattern), capacity))
                .collect(),
            otherwise,
        }
    }

    /// How many messages may wait for a channel.
    pub(crate) fn of(&self, channel: &str) -> usize {
        let found = self.patterns.iter().find(|(it, _)| it.matches(channel));
        found.map_or(self.otherwise, |(_, capacity)| *capacity)
    }
}

/// A pattern of Python's `fnmatch`, case-sensitive, for the whole name: `*`, `?`, `[a-z]`, `[!a-z]`.
#[derive(Clone, Debug)]
struct Pattern(Vec<Token>);

#[derive(Clone, Debug)]
enum Token {
    AnyText,
    AnyChar,
    Char(char),
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            tokens.push(match char {
                '*' => Token::AnyText,
                '?' => Token::AnyChar,
                // Without its end it is a character like any other.
                '[' => set(&mut chars).unwrap_or(Token::Char('[')),
                char => Token::Char(char),
            });
        }
        Self(tokens)
    }

    /// Tries the shortest text for each `*` first; only the last `*` ever has to take more.
    fn matches(&self, name: &str) -> bool {
        let (mut tokens, mut rest) = (&self.0[..], name.chars());
        let mut retry: Option<(&[Token], Chars<'_>)> = None;
        loop {
            match tokens.split_first() {
                Some((Token::AnyText, after)) => {
                    tokens = after;
                    retry = Some((after, rest.clone()));
                    continue;
                }
                Some((token, after)) if rest.next().is_some_and(|char| token.takes(char)) => {
                    tokens = after;
                    continue;
                }
                None if rest.as_str().is_empty() => return true,
                _ => {}
            }
            let Some((after, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            (tokens, rest) = (*after, from.clone());
        }
    }
}

impl Token {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::AnyText => false,
            Self::AnyChar => true,
            Self::Char(own) => *own == char,
            Self::Set { negated, ranges } => {
                let inside = ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&char));
                inside != *negated
            }
        }
    }
}

/// Reads a set behind its `[`, if it has an end. A `]` that comes first is a member of it.
fn set(chars: &mut Chars<'_>) -> Option<Token> {
    let source = chars.as_str();
    let (negated, inner) = match source.strip_prefix('!') {
        Some(inner) => (true, inner),
        None => (false, source),
    };
    let first = inner.chars().next()?.len_utf8();
    let end = first + inner[first..].find(']')?;
    *chars = inner[end + 1..].chars();

    let members: Vec<char> = inner[..end].chars().collect();
    let mut ranges = Vec::new();
    let mut rest = &members[..];
    loop {
        match rest {
            [] => return Some(Token::Set { negated, ranges }),
            [low, '-', high, after @ ..] => {
                ranges.push((*low, *high));
                rest = after;
            }
            [char, after @ ..] => {
                ranges.push((*char, *char));
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::super::vectors;
    use super::*;
    use crate::event::Value;

    #[derive(Deserialize)]
    struct Vector {
        channel_capacity: Value,
        capacity: usize,
        channel: String,
        limit: usize,
    }

    #[test]
    fn capacities_are_those_of_channels() {
        for vector in vectors::CAPACITY.all::<Vector>("vectors", 26) {
            let Value::Map(patterns) = &vector.channel_capacity else {
                panic!("a map of patterns");
            };
            let patterns = patterns.iter().map(|(pattern, capacity)| match capacity {
                Value::Int(capacity) => (pattern, usize::try_from(*capacity).expect("a capacity")),
                other => panic!("no capacity: {other:?}"),
            });
            let capacities = Capacities::new(patterns, vector.capacity);
            assert_eq!(
                capacities.of(&vector.channel),
                vector.limit,
                "{}",
                vector.channel
            );
        }
    }

    #[test]
    fn patterns_are_those_of_fnmatch() {
        for (pattern, name, expected) in [
            ("", "", true),
            ("", "a", false),
            ("**a*b", "xaxb", true),
            ("*ab", "aab", true),
            ("[]a]", "]", true),
            ("[!]a]", "]", false),
            ("[]", "[]", true),
            ("[!]", "[!]", true),
            ("[a-c-e]", "b", true),
            ("[a-c-e]", "-", true),
            ("[a-c-e]", "d", false),
            ("[-a]", "-", true),
            ("[a-]", "-", true),
            ("[z-a]", "m", false),
            ("[!z-a]", "m", true),
            ("[^a]", "^", true),
            ("[^a]", "b", false),
            ("[\\]", "\\", true),
            ("?", "é", true),
            ("[à-ü]", "é", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_name_without_signs_matches_itself_alone(name in "[a-z.!-]{0,9}", other in "[a-z.!-]{0,9}") {
            prop_assert!(Pattern::new(&name).matches(&name));
            prop_assert_eq!(Pattern::new(&name).matches(&other), name == other);
            let (around, inside) = (format!("*{name}*"), format!("{other}{name}{other}"));
            prop_assert!(Pattern::new(&around).matches(&inside));
        }

        #[test]
        fn nothing_panics(pattern in "[\\[\\]!*?a-c-]{0,12}|\\PC*", name in "[\\[\\]!*?a-c-]{0,12}|\\PC*") {
            Pattern::new(&pattern).matches(&name);
        }
    }
}
