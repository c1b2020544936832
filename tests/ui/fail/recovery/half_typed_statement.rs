use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self) -> Result {
        let text = ;
        Ok(())
    }

    #[handler("chat.said")]
    async fn said(&mut self) {}
}

fn main() {}
