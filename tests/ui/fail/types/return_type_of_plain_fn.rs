use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    fn receive(&mut self) -> bool {
        true
    }
}

fn main() {}
