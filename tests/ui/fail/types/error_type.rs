use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) -> std::result::Result<(), u8> {
        Ok(())
    }
}

fn main() {}
