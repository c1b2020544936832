use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, _message: impl FromMessage) {}
}

fn main() {}
