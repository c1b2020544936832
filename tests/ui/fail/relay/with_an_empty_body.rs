use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, _socket: &mut WebSocket, _event: &CallBack) {}
}

fn main() {}
