use channels::prelude::*;

#[consumer(overflow = drop_odlest)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn main() {}
