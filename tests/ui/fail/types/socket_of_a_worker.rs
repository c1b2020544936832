use channels::prelude::*;

#[consumer(channel)]
#[derive(Default)]
struct Thumbnailer;

#[consumer]
impl Thumbnailer {
    #[handler("thumbnail.make")]
    async fn make(&mut self, _socket: &mut WebSocket, _event: Event) {}

    #[handler("thumbnail.block")]
    fn block(&mut self, _job: &mut Job, _event: Event) {}
}

fn main() {}
