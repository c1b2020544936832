use channels::prelude::*;

struct Chat;

impl Chat {
    #[handler("chat.said")]
    async fn said(&mut self) {}
}

fn main() {}
