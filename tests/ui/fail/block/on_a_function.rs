use channels::prelude::*;

#[consumer]
async fn receive() {}

fn main() {}
