use channels::prelude::*;

#[consumer(groups("lobby", "lobby"))]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
