use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn recieve(&mut self) {}
}

fn main() {}
