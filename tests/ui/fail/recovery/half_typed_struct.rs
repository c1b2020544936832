use channels::prelude::*;

#[consumer]
struct Chat {
    room: ,
}

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
