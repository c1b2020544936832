use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket) {
        let _ = socket.;
    }

    #[handler("chat.said")]
    async fn said(&mut self) {}
}

fn main() {}
