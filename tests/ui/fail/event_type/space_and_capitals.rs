use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("Chat Said")]
    async fn said(&mut self) {}
}

fn main() {}
