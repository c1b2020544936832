use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn connect(&mut self) {}
}

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
