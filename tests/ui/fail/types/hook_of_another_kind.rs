use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn handle(&mut self) {}
}

fn main() {}
