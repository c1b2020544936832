use channels::prelude::*;

#[consumer(group("lobby"))]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
