use channels::prelude::*;

#[consumer]
enum Chat {}

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
