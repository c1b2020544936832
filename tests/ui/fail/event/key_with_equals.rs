use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back", key = number)]
struct CallBack {
    number: u8,
}

fn main() {}
