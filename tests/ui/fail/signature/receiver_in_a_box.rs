use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(self: Box<Self>) {}
}

fn main() {}
