use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.said")]
struct Said { text: String }

#[derive(Event, Serialize, Deserialize)]
#[event("chat.left")]
struct Left;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.left")]
    async fn left(&mut self, _event: Left) {}
}

async fn send(layer: &InMemoryChannelLayer) -> Result {
    Group::<Chat>::new("lobby")?.send(layer, Said { text: String::new() }).await?;
    Ok(())
}

fn main() {}
