use channels::prelude::*;

#[consumer]
struct Chat;

fn main() {}
