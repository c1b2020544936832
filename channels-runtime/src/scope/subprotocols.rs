//! The subprotocols that a handshake offers.

use std::collections::BTreeSet;

use http::header::SEC_WEBSOCKET_PROTOCOL;

use super::{Headers, Scope};

/// RFC 6455 §11.3.4: the header may occur several times, each with a list. Members that are not tokens
/// are left out; [`check_subprotocols`] refuses a handshake that has one.
pub(super) fn offered_subprotocols(headers: &Headers) -> Vec<&str> {
    subprotocol_members(headers)
        .filter(|name| is_token(name))
        .collect()
}

/// Checks what RFC 6455 §4.1 requires of the subprotocols of a handshake: each is a token, and none
/// occurs twice.
pub(crate) fn check_subprotocols(scope: &Scope) -> Result<(), &'static str> {
    let mut known = BTreeSet::new();
    for name in subprotocol_members(scope.headers()) {
        if !is_token(name) {
            return Err("the header `Sec-WebSocket-Protocol` contains a name that is not a token");
        }
        if !known.insert(name) {
            return Err("the header `Sec-WebSocket-Protocol` contains a name twice");
        }
    }
    Ok(())
}

/// The members of the list; a recipient ignores empty ones (RFC 9110 §5.6.1).
fn subprotocol_members(headers: &Headers) -> impl Iterator<Item = &str> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL.as_str())
        .flat_map(|list| list.split(','))
        .map(|name| name.trim_matches([' ', '\t']))
        .filter(|name| !name.is_empty())
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn scope(lists: &[&[u8]]) -> Scope {
        let mut request = Request::get("/");
        for list in lists {
            let list = HeaderValue::from_bytes(list).expect("a value");
            request = request.header(SEC_WEBSOCKET_PROTOCOL, list);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        Scope::from_parts_lossy(&mut parts)
    }

    #[test]
    fn only_tokens_are_offered_and_other_lists_are_refused() {
        for (lists, offered, is_valid) in [
            (&[][..], &[][..], true),
            (&[b"v2, v1"], &["v2", "v1"], true),
            (&[b"v2", b"v1"], &["v2", "v1"], true),
            (&[b",v2,, v1 ,", b""], &["v2", "v1"], true),
            (&[b"bearer,abc.def-ghi_"], &["bearer", "abc.def-ghi_"], true),
            (&[b"v1, a b"], &["v1"], false),
            (&[b"v1, \"v2\""], &["v1"], false),
            (&[b"v1, <script>"], &["v1"], false),
            (&[b"v1, a/b;c=d"], &["v1"], false),
            (&[b"v1, caf\xe9"], &["v1"], false),
            (&[b"v1, \xff"], &["v1"], false),
            (&["v1, \u{a0}v2".as_bytes()], &["v1"], false),
            (&[b"v1, v1"], &["v1", "v1"], false),
            (&[b"v1", b"v1"], &["v1", "v1"], false),
        ] as [(&[&[u8]], &[&str], bool); 14]
        {
            let scope = scope(lists);
            assert_eq!(scope.subprotocols(), offered, "{lists:?}");
            assert_eq!(check_subprotocols(&scope).is_ok(), is_valid, "{lists:?}");
        }
    }
}
