//! The grammar of event types: `segment(.segment)*`, a segment being letters, digits and `_`.
//!
//! The runtime has the same grammar for types that arrive while the program runs; `tests/grammar.rs`
//! asks both about the same texts.

use crate::suggest::closest;

/// The longest event type, in bytes.
pub(crate) const MAX_LENGTH: usize = 100;

/// First segments that belong to the protocols.
pub(crate) const RESERVED: [&str; 3] = ["websocket", "http", "channel"];

/// First segments that belong to the framework.
const INTERNAL: [&str; 2] = ["channels", "layer"];

/// The events that the framework sends to consumers. A program may have handlers and types for them.
const FRAMEWORK_EVENTS: [&str; 1] = ["layer.gap"];

/// The events that the protocols send to a consumer.
pub(crate) const PROTOCOL_EVENTS: [&str; 5] = [
    "websocket.connect",
    "websocket.receive",
    "websocket.disconnect",
    "http.request",
    "http.disconnect",
];

/// What is wrong with an event type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    TooLong,
    EmptySegment,
    LeadingUnderscore,
    Character(char),
    Reserved(&'static str),
    Internal(&'static str),
}

/// Checks a type that is written as a literal: one of the user's own, or one that the framework sends.
pub(crate) fn check_literal(text: &str) -> Result<(), Fault> {
    let wanted = canonical(text);
    if FRAMEWORK_EVENTS.iter().any(|own| canonical(own) == wanted) {
        return Ok(());
    }
    check(text)
}

/// Checks a type of the user's own, which may not be one of the protocols' or of the framework's. `_` leads
/// into a namespace as `.` does, for they count as the same.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    if let Some(other) = text.chars().find(|&c| !is_allowed(c)) {
        return Err(Fault::Character(other));
    }
    if text.split('.').any(str::is_empty) {
        return Err(Fault::EmptySegment);
    }
    if text.split('.').any(|segment| segment.starts_with('_')) {
        return Err(Fault::LeadingUnderscore);
    }
    if text.len() > MAX_LENGTH {
        return Err(Fault::TooLong);
    }
    let Some((first, _)) = text.split_once(['.', '_']) else {
        return Ok(());
    };
    let is_first = |namespace: &&'static str| *namespace == first;
    if let Some(namespace) = RESERVED.into_iter().find(is_first) {
        return Err(Fault::Reserved(namespace));
    }
    match INTERNAL.into_iter().find(is_first) {
        Some(namespace) => Err(Fault::Internal(namespace)),
        None => Ok(()),
    }
}

/// The form under which two types are the same: Channels calls the method `chat_message` for both
/// `chat.message` and `chat_message`.
pub(crate) fn canonical(text: &str) -> String {
    text.replace('.', "_")
}

/// A type of the user's own that `text` was probably meant to be.
pub(crate) fn suggestion(text: &str) -> Option<String> {
    let separated: String = text.chars().filter_map(replacement).collect();
    let segments = separated
        .split('.')
        .map(|segment| segment.trim_start_matches('_'));
    let segments: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
    let suggestion = segments.join(".");
    check(&suggestion).is_ok().then_some(suggestion)
}

/// An event of a protocol's or of the framework's that `text` was probably meant to be.
pub(crate) fn protocol_suggestion(text: &str) -> Option<String> {
    let closest = closest(text, &PROTOCOL_EVENTS).or_else(|| framework_event(text));
    closest.map(str::to_owned)
}

/// An event of the framework's that `text` was probably meant to be.
pub(crate) fn framework_event(text: &str) -> Option<&'static str> {
    closest(text, &FRAMEWORK_EVENTS)
}

/// `CallBack` and `call_back` as an event type: `call.back`.
pub(crate) fn from_name(name: &str) -> String {
    let mut text = String::new();
    for c in name.trim_start_matches("r#").chars() {
        if c.is_ascii_uppercase() || c == '_' {
            text.push('.');
        }
        text.push(c.to_ascii_lowercase());
    }
    suggestion(&text).unwrap_or_else(|| "call.back".to_owned())
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

fn replacement(c: char) -> Option<char> {
    match c {
        c if is_allowed(c) => Some(c.to_ascii_lowercase()),
        '-' => Some('_'),
        ' ' | '/' | ':' => Some('.'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, check, check_literal, from_name, suggestion};

    #[test]
    fn grammar() {
        let longest = "a".repeat(100);
        let too_long = "a".repeat(101);
        let cases = [
            ("call.back", Ok(())),
            ("call_back", Ok(())),
            ("CallBack", Ok(())),
            ("a", Ok(())),
            ("9.to.5", Ok(())),
            ("a_.b__c", Ok(())),
            ("websocket", Ok(())),
            ("websockets.receive", Ok(())),
            ("my.websocket.receive", Ok(())),
            (&*longest, Ok(())),
            (&*too_long, Err(Fault::TooLong)),
            ("", Err(Fault::Empty)),
            (".", Err(Fault::EmptySegment)),
            (".a", Err(Fault::EmptySegment)),
            ("a.", Err(Fault::EmptySegment)),
            ("a..b", Err(Fault::EmptySegment)),
            ("_a", Err(Fault::LeadingUnderscore)),
            ("a._b", Err(Fault::LeadingUnderscore)),
            ("Call Back", Err(Fault::Character(' '))),
            ("call-back", Err(Fault::Character('-'))),
            ("grüße", Err(Fault::Character('ü'))),
            ("a\n", Err(Fault::Character('\n'))),
            ("websocket.receive", Err(Fault::Reserved("websocket"))),
            ("http.anything", Err(Fault::Reserved("http"))),
            ("channel.x.y", Err(Fault::Reserved("channel"))),
            ("websocket_receive", Err(Fault::Reserved("websocket"))),
            ("channels", Ok(())),
            ("layers.gap", Ok(())),
            ("my.layer.gap", Ok(())),
            ("layer.gap", Err(Fault::Internal("layer"))),
            ("layer_gap", Err(Fault::Internal("layer"))),
            ("channels.revoked", Err(Fault::Internal("channels"))),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_the_framework_sends_may_be_written() {
        assert_eq!(check_literal("layer.gap"), Ok(()));
        assert_eq!(check_literal("layer_gap"), Ok(()));
        for text in ["layer.gp", "layer.gap.x", "channels.revoked", "_x"] {
            assert!(check_literal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn suggestions_are_valid() {
        let cases = [
            ("Call Back", Some("call.back")),
            ("call-back", Some("call_back")),
            ("_x", Some("x")),
            ("a..b._c", Some("a.b.c")),
            ("chat/message", Some("chat.message")),
            ("_websocket.receive", None),
            ("channel.x", None),
            ("http-status", None),
            ("", None),
            ("???", None),
        ];
        for (text, expected) in cases {
            assert_eq!(suggestion(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn names_become_types() {
        for (name, expected) in [
            ("CallBack", "call.back"),
            ("call_back", "call.back"),
            ("r#type", "type"),
            ("_private", "private"),
            ("Über", "ber"),
            ("HttpRequest", "call.back"),
        ] {
            assert_eq!(from_name(name), expected, "{name}");
        }
    }
}
