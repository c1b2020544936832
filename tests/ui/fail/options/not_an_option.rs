use channels::prelude::*;

#[consumer("lobby")]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
