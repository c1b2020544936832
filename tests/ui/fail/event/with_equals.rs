use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event = "call.back"]
struct CallBack;

fn main() {}
