use channels::prelude::*;

#[consumer(groups("lobby", "channels.revoked", "channels$revoked"))]
struct Chat;

#[consumer]
impl Chat {
    async fn connect(&mut self) {}
}

fn main() {}
