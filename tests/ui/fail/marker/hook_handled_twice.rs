use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}

    #[handler("websocket.receive")]
    async fn raw(&mut self) {}
}

fn main() {}
