use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Clone for Chat {
    fn clone(&self) -> Self {
        Self
    }
}

fn main() {}
