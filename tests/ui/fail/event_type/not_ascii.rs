use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.gesagt_für")]
    async fn said(&mut self) {}
}

fn main() {}
