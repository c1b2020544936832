use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, socket: &mut WebSocket) -> Result {
        socket.send("called").await
    }
}

fn main() {}
