use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said")]
    const SAID: u8 = 1;

    async fn receive(&mut self) {}
}

fn main() {}
