use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) {}
}

fn app() {
    let _ = Chat::app();
}

fn main() {}
