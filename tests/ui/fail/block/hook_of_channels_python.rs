use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive_json(&mut self) {}
}

fn main() {}
