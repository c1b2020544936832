use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("cursor.changed")]
enum Cursor {
    Moved { x: f64 },
    Hidden,
}

#[derive(Event, Serialize, Deserialize)]
#[event("cursor.untagged")]
#[serde(untagged)]
enum Untagged {
    Moved { x: f64 },
    Hidden,
    At(f64, f64),
    Named(String),
}

fn main() {}
