use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Chat<T>(T);

fn main() {
    let _ = Chat::<u8>::app();
}
