use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive<T: FromMessage>(&mut self, _message: T) {}
}

fn main() {}
