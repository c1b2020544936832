use channels::prelude::*;

use std::rc::Rc;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket) -> Result {
        let text = Rc::new(String::new());
        socket.send(text.as_str()).await
    }
}

fn main() {}
