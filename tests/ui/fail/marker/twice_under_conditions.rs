use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[cfg(all())]
    #[handler("chat.said")]
    async fn said(&mut self) {}

    #[cfg(not(any()))]
    #[handler("chat.said")]
    async fn told(&mut self) {}
}

fn main() {}
