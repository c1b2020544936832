use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, _socket: &mut BlockingWebSocket) {}
}

fn main() {}
