use channels::prelude::*;

#[consumer(, websocket)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
