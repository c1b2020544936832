use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back", key(numbr))]
struct CallBack {
    number: u8,
}

fn main() {}
