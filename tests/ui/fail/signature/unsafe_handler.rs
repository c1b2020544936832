use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async unsafe fn receive(&mut self) {}
}

fn main() {}
