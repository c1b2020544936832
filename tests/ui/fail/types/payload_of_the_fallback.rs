use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.said")]
struct Said { text: String }

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[fallback]
    async fn rest(&mut self, _event: Said) {}
}

fn main() {}
