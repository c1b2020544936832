//! The macros and the runtime have the grammar of event types once each: the one for literals, with
//! suggestions, the other for what arrives. Here both are asked about the same texts.

use channels::{EventType, MAX_EVENT_TYPE};

#[expect(
    dead_code,
    reason = "the macros' own source, of which this tests the grammar"
)]
#[path = "../channels-macros/src/event_type.rs"]
mod event_type;
#[path = "../channels-macros/src/suggest.rs"]
mod suggest;

/// What the runtime says, once the macros have been seen to say the same.
fn is_valid(text: &str) -> bool {
    let (literal, arrived) = (event_type::check(text), EventType::new(text));
    assert_eq!(
        literal.is_ok(),
        arrived.is_ok(),
        "{text:?}: {literal:?} by the macros, {arrived:?} by the runtime"
    );
    arrived.is_ok()
}

#[test]
fn examples() {
    let longest = "a".repeat(MAX_EVENT_TYPE);
    for valid in [
        "call.back",
        "call_back",
        "CallBack",
        "a",
        "9.to.5",
        "a_.b__c",
        "websocket",
        "websockets.receive",
        "my.websocket.receive",
        "httpd.started",
        &longest,
    ] {
        assert!(is_valid(valid), "{valid:?}");
    }
    let too_long = format!("{longest}a");
    for invalid in [
        "",
        ".",
        "_",
        "_x",
        ".x",
        "x.",
        "a..b",
        "a._x",
        "a-b",
        "Call Back",
        "grüße",
        "a\n",
        "a\0",
        "websocket.receive",
        "websocket_receive",
        "websocket.",
        "http.request",
        "channel.x.y",
        "channel_layer",
        &too_long,
    ] {
        assert!(!is_valid(invalid), "{invalid:?}");
    }
}

/// Every text of up to five pieces, among them each kind of character that the grammar tells apart.
#[test]
fn every_combination() {
    const PIECES: [&str; 10] = [
        "a",
        "Z",
        "0",
        "_",
        ".",
        "-",
        "é",
        " ",
        "websocket",
        "channel",
    ];
    let mut texts = vec![String::new()];
    let mut valid = 0;
    for _ in 0..5 {
        let longer = |text: &String| PIECES.map(|piece| format!("{text}{piece}"));
        texts = texts.iter().flat_map(longer).collect();
        valid += texts.iter().filter(|text| is_valid(text)).count();
    }
    assert!(valid > 1000, "only {valid} of them were valid");
}

#[test]
fn two_types_that_are_the_same_to_one_are_the_same_to_the_other() {
    let types = ["a.b.c", "a_b_c", "a.b_c", "a.b", "a_b", "ab", "A.b"];
    for one in types {
        for other in types {
            let of_runtime = EventType::new(one).ok() == EventType::new(other).ok();
            let of_macros = event_type::canonical(one) == event_type::canonical(other);
            assert_eq!(of_macros, of_runtime, "{one} and {other}");
        }
    }
}

#[test]
fn both_have_the_same_limit() {
    assert_eq!(event_type::MAX_LENGTH, MAX_EVENT_TYPE);
}
