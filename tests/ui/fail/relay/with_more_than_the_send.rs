use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack;

#[consumer]
struct Chat {
    count: u8,
}

#[consumer]
impl Chat {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result {
        self.count += 1;
        socket.send_json(event).await
    }
}

fn main() {}
