use channels::prelude::*;

#[consumer(layer = )]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
