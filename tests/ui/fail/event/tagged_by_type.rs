use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("cursor.changed")]
#[serde(tag = "type")]
enum Cursor {
    Moved { x: f64 },
    Hidden,
}

#[derive(Event, Serialize, Deserialize)]
#[event("cursor.shown")]
#[serde(tag = "type")]
struct Shown {
    x: f64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("cursor.held")]
#[serde(tag = "kind", content = "type")]
enum Held {
    Once(u8),
}

fn main() {}
