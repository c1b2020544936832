use channels::prelude::*;

use channels::TypedEvent;

#[consumer]
struct Chat<S>(S);

#[consumer]
impl<S: TypedEvent> Chat<S> {
    #[handler("chat.sayd")]
    async fn said(&mut self, _event: S) {}
}

fn main() {}
