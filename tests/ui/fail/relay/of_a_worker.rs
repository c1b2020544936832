use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("thumbnail.ready")]
struct Ready;

#[consumer(channel)]
#[derive(Default)]
struct Thumbnailer;

#[consumer]
impl Thumbnailer {
    #[handler("thumbnail.ready", relay)]
    async fn ready(&mut self, socket: &mut WebSocket, ready: &Ready) -> Result {
        socket.send_json(ready).await
    }
}

fn main() {}
