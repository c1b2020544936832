use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSoket) {}
}

fn app() -> impl channels::WebSocketApp {
    Chat::app()
}

fn main() {}
