use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, socket: &mut WebSocket, event: Event) -> Result {
        socket.send(event.event_type().as_str()).await
    }
}

fn main() {}
