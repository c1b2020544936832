use channels::prelude as sockets;

#[sockets::consumer]
struct Chat;

#[sockets::consumer]
impl Chat {
    #[sockets::handler("chat.said")]
    async fn said(&mut self) {}
}

fn main() {}
