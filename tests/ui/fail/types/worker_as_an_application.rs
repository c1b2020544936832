use channels::prelude::*;

#[consumer(channel)]
#[derive(Default)]
struct Thumbnailer;

#[consumer]
impl Thumbnailer {
    #[handler("thumbnail.make")]
    async fn make(&mut self, _event: Event) {}
}

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.message")]
    async fn message(&mut self, _event: Event) {}
}

fn main() {
    let _ = URLRouter::new().path("", Thumbnailer::app());
    let _ = ChannelNameRouter::new().channel("chat", Chat::app());
}
