use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.said")]
struct Said { text: String }

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said")]
    async fn said(self, _event: Said) {}
}

fn app() -> impl channels::WebSocketApp {
    Chat::app()
}

async fn send(layer: &InMemoryChannelLayer) -> Result {
    Group::<Chat>::new("lobby")?.send(layer, Said { text: String::new() }).await?;
    Ok(())
}

fn main() {}
