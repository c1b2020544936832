use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}

    #[handler("chat.said")]
    async fn
}

fn main() {}
