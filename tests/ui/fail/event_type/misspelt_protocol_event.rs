use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("websocket.recieve")]
    async fn said(&mut self) {}
}

fn main() {}
