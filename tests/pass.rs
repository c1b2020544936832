//! What must compile, whatever surrounds it: each file of `tests/ui/pass` is a module here, so that
//! `cargo clippy` looks at it too. Where it matters, what was compiled is also run.

mod support;

#[path = "ui/pass/async_and_plain.rs"]
mod async_and_plain;
#[path = "ui/pass/conditions.rs"]
mod conditions;
#[path = "ui/pass/events.rs"]
mod events;
#[path = "ui/pass/generics.rs"]
mod generics;
#[path = "ui/pass/inside_a_function.rs"]
mod inside_a_function;
#[path = "ui/pass/lints.rs"]
mod lints;
#[path = "ui/pass/macro_rules.rs"]
mod macro_rules;
#[path = "ui/pass/no_implicit_prelude.rs"]
mod no_implicit_prelude;
#[path = "ui/pass/payload_forms.rs"]
mod payload_forms;
#[path = "ui/pass/raw_protocol_events.rs"]
mod raw_protocol_events;
#[path = "ui/pass/renamed_crate.rs"]
mod renamed_crate;
#[path = "ui/pass/shadowed_names.rs"]
mod shadowed_names;
#[path = "ui/pass/visibility.rs"]
mod visibility;

use std::collections::BTreeMap;

use channels::WebSocketApp;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;

/// Sends one message, and expects these answers to it.
async fn answers(consumer: impl WebSocketApp, message: impl Into<Message>, expected: &[&str]) {
    let app = support::app(consumer);
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    client.send(message).await.expect("sent");
    for answer in expected {
        let received = client.receive::<Message>().await.expect("an answer");
        assert_eq!(received, Message::from(*answer));
    }
    client.close(CloseCode::NORMAL, "").await.expect("closed");
}

#[tokio::test]
async fn each_form_of_a_message_takes_what_it_is_for() {
    use payload_forms::{
        OfBorrowedMessage, OfBytes, OfJson, OfMessage, OfParenthesised, OfSlice, OfStr, OfString,
        OfText, OfVec,
    };
    answers(OfString::app(), "four", &["4"]).await;
    answers(OfText::app(), "four", &["4"]).await;
    answers(OfStr::app(), "four", &["4"]).await;
    answers(OfParenthesised::app(), "four", &["4"]).await;
    answers(OfBytes::app(), vec![1, 2, 3], &["3"]).await;
    answers(OfVec::app(), vec![1, 2, 3], &["3"]).await;
    answers(OfSlice::app(), vec![1, 2, 3], &["3"]).await;
    answers(OfMessage::app(), "four", &["4"]).await;
    answers(OfBorrowedMessage::app(), vec![1, 2, 3], &["3"]).await;
    answers(OfJson::app(), "[1, 2, 3]", &["3"]).await;
}

#[tokio::test]
async fn each_form_of_an_event_reaches_its_handler() {
    let expected = [
        "hello",
        "payload.raw",
        "payload.raw.ref",
        "any hello",
        "fallback payload.rest",
        "nothing",
    ];
    answers(payload_forms::Events::app(), "hello", &expected).await;
}

#[tokio::test]
async fn async_and_plain_handlers_share_their_consumer() {
    answers(async_and_plain::Mixed::app(), "7", &["7"]).await;
}

#[tokio::test]
async fn methods_that_do_not_exist_are_not_in_the_table() {
    answers(conditions::Chat::app(), "hello", &["hello", "on"]).await;
}

#[tokio::test]
async fn generic_consumers_are_what_their_parameters_make_of_them() {
    use generics::{Kept, Memory, Only, Relay, Room};
    answers(Room::<Memory, 2>::app(), "\"hello\"", &["\"hello\""]).await;
    answers(Room::<Memory, 0>::app(), "\"hello\"", &["full"]).await;
    answers(
        Relay::<Kept<u8>>::app_with(|_| Relay::new()),
        "hello",
        &["hello"],
    )
    .await;
    answers(Only::app_with(|_| Only(BTreeMap::new())), "hello", &[]).await;
}

#[tokio::test]
async fn consumers_work_wherever_they_are_declared() {
    answers(inside_a_function::app(), "hello", &["hello"]).await;
    answers(visibility::Apart::app(), "hello", &["hello"]).await;
    answers(macro_rules::Echo::app(), "hello", &["hello"]).await;
    answers(macro_rules::Passed::app(), "hello", &["hello"]).await;
    answers(macro_rules::Declared::app(), "hello", &["hello"]).await;
    answers(renamed_crate::Chat::app(), "hello", &["hello"]).await;
}

#[tokio::test]
async fn the_protocol_s_own_events_have_handlers_of_any_name() {
    let app = support::app(raw_protocol_events::Raw::app());
    let mut client = WebsocketCommunicator::new(&app, "/ws/").subprotocols(&["raw"]);
    client.connect().await.expect("accepted");
    client.send("hello").await.expect("sent");
    assert_eq!(client.receive::<String>().await.expect("the echo"), "hello");
}
