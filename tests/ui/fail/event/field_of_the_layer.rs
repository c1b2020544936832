use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("file.added")]
struct Added {
    __asgi_group__: String,
}

fn main() {}
