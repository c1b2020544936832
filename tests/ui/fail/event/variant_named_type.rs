use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("file.changed")]
#[serde(rename_all = "snake_case")]
enum Changed {
    Type { name: String },
}

#[derive(Event, Serialize, Deserialize)]
#[event("file.moved")]
enum Moved {
    #[serde(rename = "type")]
    Kind { name: String },
}

fn main() {}
