//! "Did you mean …?"

/// How many typing mistakes a suggestion bridges.
const MOST_EDITS: usize = 2;

/// The candidate that `word` was probably meant to be.
pub(crate) fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.chars().collect();
    let within = |edits: usize| {
        let near = |candidate: &&&str| {
            let candidate: Vec<char> = candidate.chars().collect();
            // Two mistakes in a word of four letters make it another word.
            edits * 2 < candidate.len().min(word.len()) && reachable(edits, &word, &candidate)
        };
        candidates.iter().find(near).copied()
    };
    (0..=MOST_EDITS).find_map(within)
}

/// Whether `edits` insertions, deletions, replacements or swaps of neighbours turn one into the other.
fn reachable(edits: usize, from: &[char], to: &[char]) -> bool {
    match (from, to) {
        ([a, from @ ..], [b, to @ ..]) if a == b => reachable(edits, from, to),
        ([], rest) | (rest, []) => rest.len() <= edits,
        _ if edits == 0 => false,
        ([a, after_a @ ..], [b, after_b @ ..]) => {
            let swapped = match (after_a, after_b) {
                ([c, from @ ..], [d, to @ ..]) if a == d && b == c => {
                    reachable(edits - 1, from, to)
                }
                _ => false,
            };
            swapped
                || reachable(edits - 1, after_a, to)
                || reachable(edits - 1, from, after_b)
                || reachable(edits - 1, after_a, after_b)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_the_word_that_was_meant() {
        let cases = [
            ("recieve", Some("receive")),
            ("recv", None),
            ("receiv", Some("receive")),
            ("conect", Some("connect")),
            ("disconect", Some("disconnect")),
            ("Connect", Some("connect")),
            ("handel", Some("handle")),
            ("send", None),
            ("helper", None),
            ("", None),
        ];
        for (word, expected) in cases {
            let hooks = ["connect", "receive", "disconnect", "handle"];
            assert_eq!(closest(word, &hooks), expected, "{word}");
        }
    }
}
