//! Events of other programs, as they come out of Redis.

use channels_runtime::__fuzz;

use crate::memory::within;

/// The codecs promise less than a hundred times the bytes of a message. The round trips of the
/// check take the same several times.
fn bound(data: &[u8]) -> usize {
    400 * data.len() + 16 * 1024
}

/// A message in msgpack, and a member of a queue.
pub fn msgpack(data: &[u8]) {
    within(bound(data), || {
        __fuzz::msgpack(data);
        __fuzz::member(data);
    });
}

/// A message in JSON.
pub fn json(data: &[u8]) {
    within(bound(data), || __fuzz::json(data));
}
