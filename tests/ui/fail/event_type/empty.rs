use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("")]
    async fn said(&mut self) {}
}

fn main() {}
