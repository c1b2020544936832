use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("websocket_said")]
    async fn said(&mut self) {}
}

fn main() {}
