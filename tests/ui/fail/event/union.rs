use channels::prelude::*;

#[derive(Event)]
#[event("call.back")]
union CallBack {
    number: u8,
}

fn main() {}
