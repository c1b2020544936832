use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said", priority = 1)]
    async fn said(&mut self) {}
}

fn main() {}
