use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
struct CallBack;

fn main() {}
