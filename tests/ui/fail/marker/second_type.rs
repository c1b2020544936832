use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said")]
    #[handler("chat.left")]
    async fn said(&mut self) {}
}

fn main() {}
