use channels::prelude::*;

macro_rules! handlers {
    () => {};
}

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    handlers! {}

    async fn receive(&mut self) {}
}

fn main() {}
