use channels::prelude::*;

#[consumer(mailbox = 100_000)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
