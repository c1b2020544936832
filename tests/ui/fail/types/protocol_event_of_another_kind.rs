use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("http.request")]
    async fn handle(&mut self) {}
}

fn main() {}
