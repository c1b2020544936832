use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    const SAID: &'static str = "chat.said";

    #[handler(Self::SAID)]
    async fn said(&mut self) {}
}

fn main() {}
