use channels::prelude::*;

struct Said;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.said")]
    async fn said(&mut self, _said: Payload<Said>) {}
}

fn main() {}
