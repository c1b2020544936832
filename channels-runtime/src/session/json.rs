//! Python's JSON: what its `json.loads` reads, and how its `json.dumps` writes it.
//!
//! It is a little more than JSON: `NaN`, `Infinity`, and surrogates that stand alone. Numbers stay as
//! they were written, of whatever size.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str::Chars;

/// How deep values may be nested: as deep as Python's own recursion goes by default.
const MAX_DEPTH: usize = 1000;

/// The normal form of a value: no space, ASCII only, and one way to write each character. It is what
/// Django writes, by Python's `json.dumps` with the separators `,` and `:`.
///
/// None if Python would not read it, or it is nested deeper than [`MAX_DEPTH`].
pub(super) fn normal(text: &str) -> Option<String> {
    let mut scanner = Scanner {
        rest: text,
        out: String::with_capacity(text.len()),
    };
    scanner.value()?;
    scanner.skip_space();
    scanner.rest.is_empty().then_some(scanner.out)
}

/// The normal form of a text.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for unit in text.encode_utf16() {
        push_unit(&mut out, unit);
    }
    out.push('"');
    out
}

/// The text of which this is the normal form. A surrogate that stands alone becomes U+FFFD.
pub(super) fn unquote(quoted: &str) -> Cow<'_, str> {
    if !quoted.contains('\\') {
        return Cow::Borrowed(quoted.trim_matches('"'));
    }
    let mut units = Vec::with_capacity(quoted.len());
    read_text(quoted.trim_start_matches('"'), |unit| units.push(unit));
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// What stands before the first `stop` that is part of no text, array or object; all of it if there
/// is none. For normal forms only.
pub(super) fn until(text: &str, stop: u8) -> &str {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ if byte == stop && depth == 0 => return &text[..at],
            _ => {}
        }
    }
    text
}

/// Reads `rest` and writes its normal form to `out`.
struct Scanner<'a> {
    rest: &'a str,
    out: String,
}

impl Scanner<'_> {
    /// A value with all that is in it. What is open is kept here and not on the call stack, so that
    /// no text exhausts that.
    fn value(&mut self) -> Option<()> {
        let mut open = Vec::new();
        while self.begins(&mut open)? || self.goes_on(&mut open)? {}
        Some(())
    }

    /// Reads a value without others in it; or goes to the first one in it, and is true.
    fn begins(&mut self, open: &mut Vec<char>) -> Option<bool> {
        self.skip_space();
        let closing = match self.rest.bytes().next()? {
            b'{' => '}',
            b'[' => ']',
            b'"' => return self.text().map(|()| false),
            _ => return self.scalar().map(|()| false),
        };
        self.copy(1)?;
        self.skip_space();
        if self.copy_if(closing) {
            return Some(false);
        }
        if open.len() == MAX_DEPTH {
            return None;
        }
        open.push(closing);
        self.key_in(closing).map(|()| true)
    }

    /// Goes from the end of a value to the next one. False if that was the last.
    fn goes_on(&mut self, open: &mut Vec<char>) -> Option<bool> {
        while let Some(&closing) = open.last() {
            self.skip_space();
            if self.copy_if(',') {
                self.skip_space();
                return self.key_in(closing).map(|()| true);
            }
            if !self.copy_if(closing) {
                return None;
            }
            open.pop();
        }
        Some(false)
    }

    /// In an object, a key and its colon.
    fn key_in(&mut self, closing: char) -> Option<()> {
        if closing == ']' {
            return Some(());
        }
        self.text()?;
        self.skip_space();
        self.copy_if(':').then_some(())
    }

    fn text(&mut self) -> Option<()> {
        if !self.copy_if('"') {
            return None;
        }
        self.rest = read_text(self.rest, |unit| push_unit(&mut self.out, unit))?;
        self.out.push('"');
        Some(())
    }

    fn scalar(&mut self) -> Option<()> {
        const NAMES: [&str; 6] = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
        let name = NAMES.iter().find(|name| self.rest.starts_with(**name));
        let length = match name {
            Some(name) => name.len(),
            None => number_length(self.rest)?,
        };
        self.copy(length)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn copy_if(&mut self, wanted: char) -> bool {
        self.rest.starts_with(wanted) && self.copy(wanted.len_utf8()).is_some()
    }

    fn copy(&mut self, length: usize) -> Option<()> {
        let (copied, rest) = self.rest.split_at_checked(length)?;
        self.out.push_str(copied);
        self.rest = rest;
        Some(())
    }
}

/// Reads a text from behind its opening quote, as UTF-16, and gives what stands behind the closing one.
fn read_text(text: &str, mut push: impl FnMut(u16)) -> Option<&str> {
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some(chars.as_str()),
            '\\' => push(escaped(&mut chars)?),
            '\0'..='\x1f' => return None,
            plain => plain
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| push(*unit)),
        }
    }
}

/// What an escape behind its backslash stands for.
fn escaped(chars: &mut Chars<'_>) -> Option<u16> {
    match chars.next()? {
        '"' => Some(u16::from(b'"')),
        '\\' => Some(u16::from(b'\\')),
        '/' => Some(u16::from(b'/')),
        'b' => Some(0x08),
        'f' => Some(0x0c),
        'n' => Some(u16::from(b'\n')),
        'r' => Some(u16::from(b'\r')),
        't' => Some(u16::from(b'\t')),
        'u' => (0..4).try_fold(0, |unit, _| {
            let digit = chars.next()?.to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        }),
        _ => None,
    }
}

/// Writes a unit of UTF-16 inside of a text, as Python does.
fn push_unit(out: &mut String, unit: u16) {
    match u8::try_from(unit) {
        Ok(b'"') => out.push_str("\\\""),
        Ok(b'\\') => out.push_str("\\\\"),
        Ok(b'\n') => out.push_str("\\n"),
        Ok(b'\r') => out.push_str("\\r"),
        Ok(b'\t') => out.push_str("\\t"),
        Ok(0x08) => out.push_str("\\b"),
        Ok(0x0c) => out.push_str("\\f"),
        Ok(plain @ b' '..=b'~') => out.push(char::from(plain)),
        // Writing to a String does not fail.
        _ => _ = write!(out, "\\u{unit:04x}"),
    }
}

/// The length of the number that the text begins with.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from| {
        let behind = bytes.iter().skip(from);
        behind.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    end += match bytes.get(end)? {
        b'0' => 1,
        b'1'..=b'9' => digits(end),
        _ => return None,
    };
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;

    #[test]
    fn values_are_written_as_python_writes_them() {
        for (text, expected) in [
            (" [ 1 , {\t\"a\" :\r\n2 } ] ", r#"[1,{"a":2}]"#),
            ("[ ]", "[]"),
            ("{ }", "{}"),
            ("\"é✓😀\x7f\"", r#""\u00e9\u2713\ud83d\ude00\u007f""#),
            (
                r#""\u0041\/\u000A\uD83D\uDE00\ud800""#,
                r#""A/\n\ud83d\ude00\ud800""#,
            ),
            ("[NaN,-Infinity,Infinity]", "[NaN,-Infinity,Infinity]"),
            ("[1.50,1E5,-0,2e-07]", "[1.50,1E5,-0,2e-07]"),
            ("1180591620717411303424", "1180591620717411303424"),
        ] {
            assert_eq!(normal(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_python_does_not_read_is_refused() {
        for text in [
            "",
            " ",
            "[",
            "]",
            "[1,]",
            "[,1]",
            "[1}",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":1,}",
            "{\"a\":}",
            "1 2",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "nul",
            "nan",
            "-NaN",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\n\"",
            "\u{a0}1",
            "\u{feff}1",
            "'a'",
        ] {
            assert_eq!(normal(text), None, "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(normal(&nested(MAX_DEPTH)).is_some());
        // The innermost pair is empty, and so opens nothing.
        assert!(normal(&nested(MAX_DEPTH + 1)).is_some());
        assert_eq!(normal(&nested(MAX_DEPTH + 2)), None);
        assert_eq!(normal(&"[".repeat(1_000_000)), None);
        assert_eq!(normal(&"{\"a\":".repeat(1_000_000)), None);
    }

    #[test]
    fn a_lone_surrogate_is_no_text() {
        assert_eq!(unquote(r#""a\ud800\"""#), "a\u{fffd}\"");
        assert_eq!(unquote(r#""""#), "");
    }

    /// Any value that strict JSON has.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_normal_form_is_the_same_value(value in any_value()) {
            let text = value.to_string();
            let plain = normal(&text).expect("JSON");
            prop_assert!(plain.is_ascii());
            // From the text: serde_json reads some floats one bit off, but always the same way.
            let read = |text| serde_json::from_str::<Value>(text).expect("JSON");
            prop_assert_eq!(read(&plain), read(&text));
            let spaced = serde_json::to_string_pretty(&value).expect("JSON");
            prop_assert_eq!(normal(&spaced), Some(plain.clone()));
            let again = normal(&plain);
                prop_assert_eq!(again, Some(plain));
        }

        #[test]
        fn strict_json_is_told_from_anything_else(text in "([\\[\\]{},:\" \n0-9.eE+\\-\\\\ntbux]|null|true|\"a\"|\"\":){0,12}") {
            let judged = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(normal(&text).is_some(), judged, "{}", text);
        }

        #[test]
        fn nothing_panics(text in ".*") {
            if let Some(plain) = normal(&text) {
                let again = normal(&plain);
                prop_assert_eq!(again, Some(plain));
            }
        }

        #[test]
        fn a_text_comes_back(text in any::<String>()) {
            let quoted = quote(&text);
            prop_assert_eq!(unquote(&quoted), text);
        }

        #[test]
        fn a_value_ends_where_it_ends(value in any_value(), behind in any_value()) {
            let value = normal(&value.to_string()).expect("JSON");
            let both = format!("{value},{}", normal(&behind.to_string()).expect("JSON"));
            prop_assert_eq!(until(&both, b','), value);
        }
    }
}
