use channels::prelude::*;

#[consumer(mailbox = 0)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
