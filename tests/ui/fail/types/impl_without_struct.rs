use channels::prelude::*;

struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }
}

fn main() {}
