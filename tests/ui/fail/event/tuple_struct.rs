use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack(String, u8);

#[derive(Event, Serialize, Deserialize)]
#[event("empty.call")]
struct Empty();

fn main() {}
