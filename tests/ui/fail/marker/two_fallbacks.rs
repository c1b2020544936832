use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[fallback]
    async fn rest(&mut self) {}

    #[fallback]
    async fn others(&mut self) {}
}

fn main() {}
