use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(_socket: &mut WebSocket) {}
}

fn main() {}
