use channels::prelude::*;

struct Chat;

impl Chat {
    #[fallback]
    async fn rest(&mut self) {}
}

fn main() {}
