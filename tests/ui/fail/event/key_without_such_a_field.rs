use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back", key(user))]
struct CallBack {
    number: u8,
}

fn main() {}
