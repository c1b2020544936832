use channels::prelude::*;

#[consumer(websocket, http)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
