use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack<'a> {
    message: &'a str,
}

fn main() {}
