use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) -> Outcom {}
}

fn app() -> impl channels::WebSocketApp {
    Chat::app()
}

fn main() {}
