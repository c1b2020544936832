use channels::prelude::{consumer, handler as on};

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[on("chat.said")]
    async fn receive(&mut self) {}
}

fn main() {}
