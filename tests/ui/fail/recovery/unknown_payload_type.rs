use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said")]
    async fn said(&mut self, event: Sayd) {}
}

fn app() -> impl channels::WebSocketApp {
    Chat::app()
}

fn main() {}
