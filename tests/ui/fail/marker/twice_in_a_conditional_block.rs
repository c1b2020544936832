use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
#[cfg(all())]
impl Chat {
    #[cfg(all())]
    #[handler("chat.said")]
    async fn said(&mut self) {}

    #[cfg_attr(all(), cfg(all()))]
    #[handler("chat_said")]
    async fn told(&mut self) {}
}

fn main() {}
