use channels::prelude::*;

#[derive(Event, Serialize)]
#[event("call.back")]
struct CallBack;

fn main() {}
