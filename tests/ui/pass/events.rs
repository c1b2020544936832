//! Events in every shape that is a map of fields.
#![allow(dead_code, reason = "never sent")]

use std::collections::HashMap;

use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("events.unit")]
struct Unit;

#[derive(Event, Serialize, Deserialize)]
#[event("events.empty")]
struct Empty {}

#[derive(Clone, Event, Serialize, Deserialize)]
#[event("events.named")]
struct Named {
    #[serde(rename = "kind")]
    r#type: String,
    #[serde(skip)]
    skipped: u8,
}

#[derive(Event, Serialize, Deserialize)]
#[event("events.upper")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Upper {
    r#type: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("events.wrapped")]
struct Wrapped(Named);

#[derive(Event, Serialize, Deserialize)]
#[event("events.map")]
struct Map(HashMap<String, u8>);

#[derive(Clone, Event, Serialize, Deserialize)]
#[event("events.converted")]
#[serde(into = "Named", from = "Named")]
struct Converted(String, u8);

impl From<Named> for Converted {
    fn from(named: Named) -> Self {
        Self(named.r#type, named.skipped)
    }
}

impl From<Converted> for Named {
    fn from(Converted(r#type, skipped): Converted) -> Self {
        Self { r#type, skipped }
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("events.variants")]
enum Variants {
    Held(u8),
    Pair(u8, u8),
    Named { r#type: u8 },
    Empty {},
}

#[derive(Event, Serialize, Deserialize)]
#[event("events.tagged")]
#[serde(tag = "kind")]
enum Tagged {
    Unit,
    Held(Named),
    Type { x: u8 },
}

#[derive(Event, Serialize, Deserialize)]
#[event("events.adjacent")]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Unit,
    Held(String),
    Pair(u8, u8),
}

#[derive(Event, Serialize, Deserialize)]
#[event("events.untagged")]
#[serde(untagged)]
enum Untagged {
    Held(Named),
    Other { x: u8 },
}

/// What the framework sends can be handled.
#[derive(Event, Serialize, Deserialize)]
#[event("layer.gap")]
struct Gap {
    since: f64,
}

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    #[handler("layer.gap")]
    async fn gap(&mut self, _event: &Gap) {}

    #[handler("events.unit")]
    async fn unit(&mut self, _event: Unit) {}
}
