use channels::prelude::*;

struct Said;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, _said: Json<Said>) {}
}

fn main() {}
