use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result {
        socket.send_json(&(event, 1)).await
    }
}

fn main() {}
