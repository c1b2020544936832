use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("websocket.receive")]
struct CallBack;

fn main() {}
