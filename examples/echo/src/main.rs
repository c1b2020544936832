//! The smallest program: sends every message back, text as text and bytes as bytes.
//!
//! ```text
//! cargo run -p echo
//! ```
//!
//! Then open a browser's console on an empty page:
//!
//! ```js
//! socket = new WebSocket("ws://127.0.0.1:8000/echo/");
//! socket.onmessage = ({ data }) => console.log(data);
//! socket.send("hello");
//! ```

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
