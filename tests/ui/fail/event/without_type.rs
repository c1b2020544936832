use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event]
struct CallBack;

fn main() {}
