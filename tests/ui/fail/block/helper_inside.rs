use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}

    fn say_hello(&self) {}
}

fn main() {}
