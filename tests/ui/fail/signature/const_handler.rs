use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    const fn receive(&mut self) {}
}

fn main() {}
