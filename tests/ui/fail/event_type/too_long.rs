use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat {
    #[handler("chat.saidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaidsaid")]
    async fn said(&mut self) {}
}

fn main() {}
