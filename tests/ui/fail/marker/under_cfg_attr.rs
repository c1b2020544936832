use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[cfg_attr(all(), handler("chat.said"))]
    async fn said(&mut self) {}
}

fn main() {}
