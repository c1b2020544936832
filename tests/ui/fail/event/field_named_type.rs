use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("file.added")]
struct Added {
    r#type: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("file.removed")]
struct Removed {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("file.changed")]
#[serde(tag = "kind")]
enum Changed {
    Renamed { r#type: String },
}

fn main() {}
