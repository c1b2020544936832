use channels::prelude::*;

#[consumer(overflow = "close")]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
