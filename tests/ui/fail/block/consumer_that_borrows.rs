use channels::prelude::*;

#[consumer]
struct Chat<'a>(&'a str);

#[consumer]
impl<'a> Chat<'a> {
    async fn receive(&mut self) {}
}

fn main() {}
