use channels::prelude::*;

#[consumer(mailbox = 1, mailbox = 2)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
