use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("chat.said")]
struct Said { text: String }

#[consumer(group("lobby"), mailbox = 0)]
struct Chat;

#[consumer(mailbox = 1)]
impl Chat {
    async fn recieve(&mut self, _text: String) {}

    #[handler("Chat Said")]
    async fn said(&mut self, _event: Said) {}

    #[handler("chat.left", later)]
    async fn left(self, _one: Said, _two: Said) {}
}

fn main() {}
