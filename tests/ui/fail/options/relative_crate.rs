use channels::prelude::*;

#[consumer(crate = channels)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
