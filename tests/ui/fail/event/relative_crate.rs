use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back", crate = channels)]
struct CallBack;

fn main() {}
