use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer(groups("lobby"))]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
