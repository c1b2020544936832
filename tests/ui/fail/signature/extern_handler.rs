use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    extern "C" fn receive(&mut self) {}
}

fn main() {}
