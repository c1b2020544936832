use channels::prelude::*;

#[consumer(websocket lobby)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
