use channels::prelude::*;

use std::sync::atomic::AtomicU8;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    calls: AtomicU8,
}

fn main() {}
