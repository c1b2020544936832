//! Numbers as Django's signatures hold them: base 62, the most significant digit first.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn encode(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut text = Vec::new();
    while rest > 0 || text.is_empty() {
        text.extend(DIGITS.get((rest % 62) as usize));
        rest /= 62;
    }
    if number < 0 {
        text.push(b'-');
    }
    text.iter().rev().copied().map(char::from).collect()
}

/// None if the text is no number. One that does not fit ends at the largest or smallest that does: no
/// clock comes there.
pub(super) fn decode(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        // A lone sign is 0 to Django, no text at all is an error.
        None if text.is_empty() => return None,
        None => (1, text),
    };
    digits.bytes().try_fold(0_i64, |number, byte| {
        let digit = DIGITS.iter().position(|&known| known == byte)?;
        let digit = sign * i64::try_from(digit).ok()?;
        Some(number.saturating_mul(62).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn numbers_are_djangos() {
        let vectors = include_str!("../../../tests/interop/django_sessions.json");
        let vectors: Value = serde_json::from_str(vectors).expect("JSON");
        let vectors: Vec<(i64, String)> =
            serde_json::from_value(vectors["base62"].clone()).expect("pairs");
        assert_eq!(vectors.len(), 15);
        for (number, text) in vectors {
            assert_eq!(encode(number), text);
            assert_eq!(decode(&text), Some(number));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "!", "--1", "1-", " 1", "1\n", "é"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        assert_eq!(decode("-"), Some(0));
        assert_eq!(decode("zzzzzzzzzzzzzzz"), Some(i64::MAX));
        assert_eq!(decode("-zzzzzzzzzzzzzzz"), Some(i64::MIN));
    }

    proptest! {
        #[test]
        fn a_number_comes_back(number in any::<i64>()) {
            prop_assert_eq!(decode(&encode(number)), Some(number));
        }
    }
}
