use channels::prelude::*;

#[consumer(groups(LOBBY))]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
