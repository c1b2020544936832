use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("http.request")]
    async fn request(&mut self) {}
}

fn main() {}
