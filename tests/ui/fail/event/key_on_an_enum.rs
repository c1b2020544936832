use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back", key(number))]
enum CallBack {
    Now { number: u8 },
}

fn main() {}
