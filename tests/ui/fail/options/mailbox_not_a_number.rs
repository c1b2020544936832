use channels::prelude::*;

#[consumer(mailbox = "many")]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
