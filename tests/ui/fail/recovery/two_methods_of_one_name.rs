use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said")]
    async fn said(&mut self) {}

    #[handler("chat.said")]
    async fn said(&mut self) {}
}

fn main() {}
