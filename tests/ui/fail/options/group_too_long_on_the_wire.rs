use channels::prelude::*;

#[consumer(groups("プログラミング初心者の部屋"))]
struct Chat;

#[consumer]
impl Chat {
    async fn connect(&mut self) {}
}

fn main() {}
