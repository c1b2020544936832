use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.said")]
struct Said(String);

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

async fn send(layer: &InMemoryChannelLayer) -> Result {
    Group::<Chat>::new("lobby")?.send(layer, Said(String::new())).await?;
    Ok(())
}

fn main() {}
