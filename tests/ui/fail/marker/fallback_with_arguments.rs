use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[fallback("chat.said")]
    async fn rest(&mut self) {}
}

fn main() {}
