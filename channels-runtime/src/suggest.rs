//! "Did you mean …?"

/// How many typing mistakes a suggestion bridges.
const MOST_EDITS: usize = 2;

/// The end of a message about a word that is not known: which of the known ones was meant.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> String {
    closest(word, known).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.chars().collect();
    (1..=MOST_EDITS).find_map(|edits| {
        known.iter().copied().find(|candidate| {
            let candidate: Vec<char> = candidate.chars().collect();
            // Two mistakes in a word of four letters make it another word.
            edits * 2 < candidate.len().min(word.len()) && reachable(edits, &word, &candidate)
        })
    })
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
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let cases = [
            ("slag", Some("slug")),
            ("itn", Some("int")),
            ("integer", None),
            ("uudi", Some("uuid")),
            ("chatroom", Some("chat-room")),
            ("", None),
        ];
        for (word, expected) in cases {
            let known = ["str", "int", "slug", "uuid", "path", "chat-room"];
            assert_eq!(closest(word, &known), expected, "{word}");
        }
    }
}
