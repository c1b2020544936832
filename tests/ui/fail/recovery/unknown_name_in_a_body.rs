use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket) -> Result {
        socket.send(txt).await
    }
}

fn main() {}
