//! The keys under which sessions are kept.

use crate::{Error, ErrorKind, Result};

const CHARACTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH: usize = 32;

/// A key that nobody guesses: 32 characters of `a-z0-9`, as Django makes them.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] if the operating system has no random bytes.
pub(crate) fn new_session_key() -> Result<String> {
    let mut key = String::with_capacity(LENGTH);
    let mut bytes = [0; LENGTH];
    while key.len() < LENGTH {
        getrandom::fill(&mut bytes).map_err(|error| {
            let message = "the operating system has no random bytes for a session's key";
            Error::caused(ErrorKind::Unavailable, message, error)
        })?;
        // 252 is seven times 36: with the bytes from there on, some characters would be likelier.
        let fair = bytes.iter().filter(|&&byte| byte < 252);
        let characters = fair.map(|byte| char::from(CHARACTERS[usize::from(byte % 36)]));
        key.extend(characters.take(LENGTH - key.len()));
    }
    Ok(key)
}

/// Whether a text may be a session's key at all. Django asks for eight characters and nothing else.
pub(crate) fn is_plausible(key: &str) -> bool {
    key.chars().nth(7).is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn keys_are_random_and_fair() {
        let keys: HashSet<_> = (0..20_000)
            .map(|_| new_session_key().expect("a key"))
            .collect();
        assert_eq!(keys.len(), 20_000);
        assert!(keys.iter().all(|key| key.len() == 32 && is_plausible(key)));
        let mut counts = HashMap::new();
        for character in keys.iter().flat_map(|key| key.bytes()) {
            *counts.entry(character).or_insert(0) += 1;
        }
        // 17,778 of each are expected. This is eight standard deviations to both sides; without the
        // fair choice, some were eighteen away.
        assert_eq!(counts.len(), 36);
        assert!(counts.iter().all(|(known, count)| {
            CHARACTERS.contains(known) && (16_730..18_830).contains(count)
        }));
    }

    #[test]
    fn short_texts_are_no_keys() {
        assert!(!is_plausible(""));
        assert!(!is_plausible("éééééé7"));
        assert!(is_plausible("ééééééé8"));
    }
}
