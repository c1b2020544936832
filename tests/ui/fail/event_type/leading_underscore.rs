use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("_said")]
    async fn said(&mut self) {}
}

fn main() {}
