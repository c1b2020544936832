use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
#[event("call.again")]
struct CallBack;

fn main() {}
