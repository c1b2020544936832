use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer(crat = ::channels)]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
