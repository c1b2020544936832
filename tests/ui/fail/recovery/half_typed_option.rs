use channels::prelude::*;

#[consumer(crate = )]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
