use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("channels.revoked")]
struct Revoked {
    user: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("layer_gab")]
struct Gap {
    since: f64,
}

fn main() {}
