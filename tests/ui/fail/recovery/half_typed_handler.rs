use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said", )]
    async fn said(&mut self) {}

    #[handler()]
    async fn left(&mut self) {}
}

fn main() {}
