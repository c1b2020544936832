use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self)
    where
        Self: Sized,
    {
    }
}

fn main() {}
