use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    #[handler("layer.gap")]
    async fn gap(&mut self, _event: &Event) {}

    #[handler("layer.gone")]
    async fn gone(&mut self, _event: &Event) {}

    #[handler("channels_revoked")]
    async fn revoked(&mut self, _event: &Event) {}
}

fn main() {}
