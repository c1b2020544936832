use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.said")]
struct Said(String);

#[derive(Event, Serialize, Deserialize)]
#[event("chat.numbers")]
#[serde(transparent)]
struct Numbers {
    numbers: Box<Vec<u8>>,
}

fn main() {}
