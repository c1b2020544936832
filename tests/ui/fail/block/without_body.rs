use channels::prelude::*;

#[consumer]
struct Chat;

#[consumer]
impl Chat;

fn main() {}
