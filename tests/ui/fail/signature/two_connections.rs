use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, _one: &mut WebSocket, _two: &mut WebSocket) {}
}

fn main() {}
