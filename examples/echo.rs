//! The smallest program: every message comes back, text as text and bytes as bytes.
//!
//! ```text
//! cargo run --example echo
//! ```
//!
//! Then, in the console of a browser's empty tab: `s = new WebSocket("ws://127.0.0.1:8000/echo/")`,
//! and `s.onmessage = (m) => console.log(m.data)`, and `s.send("hello")`.

use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Echo;

#[consumer]
impl Echo {
    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }
}

#[tokio::main]
async fn main() -> Result {
    let sockets = URLRouter::new().path("echo/", Echo::app());
    channels::serve(
        "127.0.0.1:8000",
        ProtocolTypeRouter::new().websocket(sockets),
    )
    .await
}
