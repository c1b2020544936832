use channels::prelude::*;

#[consumer(channel)]
#[derive(Default)]
struct Thumbnailer;

#[consumer]
impl Thumbnailer {
    async fn connect(&mut self) {}

    async fn receive(&mut self, _text: String) {}

    #[handler("thumbnail.make")]
    async fn make(&mut self, _event: Event) {}
}

fn main() {}
