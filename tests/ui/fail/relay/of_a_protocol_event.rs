use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("websocket.receive", relay)]
    async fn call_back(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send_json(&text).await
    }
}

fn main() {}
