use channels::prelude::*;

#[consumer(mailbox(5))]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
