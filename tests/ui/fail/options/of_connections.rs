use channels::prelude::*;

#[consumer(channel, groups("f1"), mailbox = 5, overflow = close)]
#[derive(Default)]
struct Thumbnailer;

#[consumer]
impl Thumbnailer {
    #[handler("thumbnail.make")]
    async fn make(&mut self, _event: Event) {}
}

fn main() {}
