use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn disconnect(&mut self, _why: String) {}
}

fn main() {}
