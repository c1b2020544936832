use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[cfg(all())]
    async fn receive(&mut self) {}

    #[cfg(not(any()))]
    #[handler("websocket.receive")]
    async fn raw(&mut self) {}
}

fn main() {}
