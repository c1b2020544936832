use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    #[event("call.message")]
    message: String,
}

fn main() {}
