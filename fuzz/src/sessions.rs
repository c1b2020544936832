//! Sessions and their signatures.

use channels_runtime::__fuzz;

/// The first byte says what the rest is: a signed text, a payload to be signed, or JSON.
pub fn sessions(data: &[u8]) {
    let [kind, text @ ..] = data else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match kind % 3 {
        0 => __fuzz::session_of_signed(text),
        1 => __fuzz::session_of_payload(text),
        _ => __fuzz::session_of_json(text),
    }
}
