use channels::prelude::{consumer, fallback as otherwise, handler as on};

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}

    #[on("chat.said")]
    async fn said(&mut self) {}

    #[otherwise]
    async fn other(&mut self) {}

    #[cfg_attr(all(), on("chat.left"))]
    async fn left(&mut self) {}
}

fn main() {}
