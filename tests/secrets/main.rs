//! No `Debug` output contains a secret: each public type is formatted with a canary inside.

#[path = "../support/mod.rs"]
mod support;

mod traffic;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use channels::Server;

use self::traffic::{app, visit, work};
use self::values::{urls, values};

const CANARY: &str = "hunter2-canary";

/// What is shown of each type.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<BTreeMap<String, String>>>);

impl Shown {
    fn has(&self, name: &str) -> bool {
        self.0.lock().expect("no panic").contains_key(name)
    }

    fn note(&self, name: &str, value: &impl std::fmt::Debug) {
        let shown = format!("{value:?} {value:#?}");
        let mut all = self.0.lock().expect("no panic");
        *all.entry(name.to_owned()).or_default() += &shown;
    }
}

/// Public types that are not formatted here, with the reason.
const EXEMPT: &[(&str, &[&str])] = &[
    (
        "traits, aliases and functions have no `Debug`",
        &[
            "Answering",
            "BoxError",
            "ChannelLayer",
            "Consumer",
            "Declaration",
            "FromBody",
            "FromDisconnect",
            "FromEvent",
            "FromMessage",
            "HandledBy",
            "Handles",
            "HttpApp",
            "IntoOutcome",
            "Middleware",
            "ChannelApp",
            "Payload",
            "Receiver",
            "Result",
            "RouteTo",
            "SessionStore",
            "StoreFuture",
            "TokenVerifier",
            "TypedEvent",
            "UserStore",
            "WebSocketApp",
            "blocking",
            "serve",
            "MAX_EVENT_TYPE",
            "MAX_GROUP_NAME",
            "MAX_WIRE_NAME",
            "Routed",
        ],
    ),
    (
        "values that are what the program put into them",
        &[
            "Bytes",
            "ChannelName",
            "CloseCode",
            "CloseFrame",
            "DisconnectedBy",
            "Disconnect",
            "GroupName",
            "Json",
            "Kwargs",
            "Message",
            "ServerSentEvent",
            "State",
            "StatusCode",
            "Text",
        ],
    ),
    (
        "signals, settings, counters and handles without a value of a user",
        &[
            "AcceptConnection",
            "Delivered",
            "Delivery",
            "DenyConnection",
            "DropReason",
            "ErrorKind",
            "EventType",
            "Limits",
            "Overflow",
            "PasswordHasher",
            "SameSite",
            "SessionExpiry",
            "Stats",
            "Stop",
            "TaskHandle",
            "Channel",
            "LayerFuture",
            "Working",
        ],
    ),
];

/// The names that `channels-runtime/src/lib.rs` exports.
fn exported() -> BTreeSet<String> {
    let text = include_str!("../../channels-runtime/src/lib.rs");
    let items = text.split("pub use ").skip(1);
    let items = items.filter_map(|item| item.split_once(';').map(|(item, _)| item));
    let names = items.flat_map(|item| match item.split_once('{') {
        Some((_, list)) => list
            .trim_end_matches('}')
            .split(',')
            .map(str::trim)
            .collect(),
        None => vec![item.rsplit("::").next().unwrap_or(item)],
    });
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn no_debug_output_contains_a_secret() {
    let shown = Shown::default();
    values(&shown, &app(&shown));
    visit(&shown, &app(&shown)).await;
    // Another application: the server of the first one closes its layer.
    work(&app(&shown), &shown).await;
    urls(&shown).await;
    let server = Server::bind("127.0.0.1:0").await.expect("a port");
    shown.note("Server", &server);
    let shown = shown.0.lock().expect("no panic");
    let leaks: Vec<_> = shown
        .iter()
        .filter_map(|(name, text)| {
            let at = text.find(CANARY)?;
            let start = text.floor_char_boundary(at.saturating_sub(100));
            Some((name, &text[start..at + CANARY.len()]))
        })
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    let exempt: BTreeSet<_> = EXEMPT
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    let missing: Vec<_> = exported()
        .into_iter()
        .filter(|name| !shown.contains_key(name) && !exempt.contains(&**name))
        .collect();
    assert!(missing.is_empty(), "formatted nowhere: {missing:?}");
}
