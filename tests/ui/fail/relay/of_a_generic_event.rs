use channels::prelude::*;

#[consumer]
struct Chat<E>(E);

#[consumer]
impl<E: channels::TypedEvent> Chat<E> {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, socket: &mut WebSocket, event: &E) -> Result {
        socket.send_json(event).await
    }
}

fn main() {}
