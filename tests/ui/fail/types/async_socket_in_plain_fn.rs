use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    fn receive(&mut self, _socket: &mut WebSocket) {}
}

fn main() {}
