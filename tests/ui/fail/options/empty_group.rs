use channels::prelude::*;

#[consumer(groups(""))]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
