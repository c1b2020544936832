use channels::prelude::*;

#[consumer(websocket = true)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
