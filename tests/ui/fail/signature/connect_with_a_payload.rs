use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn connect(&mut self, _text: String) {}
}

fn main() {}
