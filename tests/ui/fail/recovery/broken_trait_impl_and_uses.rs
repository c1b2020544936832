use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Clone for Chat {
    fn clone(&self) -> Self {
        Self
    }
}

fn app() -> impl channels::WebSocketApp {
    Chat::app()
}

fn main() {}
