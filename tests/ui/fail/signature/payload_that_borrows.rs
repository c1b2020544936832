use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, _words: Json<Vec<&str>>) {}
}

fn main() {}
