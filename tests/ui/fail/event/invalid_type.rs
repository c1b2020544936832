use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("Call Back")]
struct CallBack;

fn main() {}
