//! The authority of a request: which host its client asks for.

use std::net::Ipv6Addr;

/// Whether a text is a host with or without a port, as in `Host` (RFC 9110 §7.2).
///
/// A name has the characters that DNS knows, and `_`, which is in use. What the RFC allows besides
/// (escapes, `!`, `,`, a `:` without a port) is refused: it stands in no honest request, and readers
/// disagree about it.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host_is_valid, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((host, port)) = rest.split_once(']') else {
            return false;
        };
        (host.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        (is_name(host), port)
    };
    host_is_valid && (port.is_empty() || port.strip_prefix(':').and_then(read_port).is_some())
}

/// Whether two valid authorities are the same for a scheme's default port: a port that is omitted is
/// the default one (RFC 9110 §4.2.3), and the case of the host does not matter.
pub(crate) fn is_same_authority(one: &str, other: &str, default_port: u16) -> bool {
    let parts = |text| {
        let (host, port) = split_port(text);
        let port = port.map_or(Some(default_port), read_port);
        (host, port)
    };
    let ((host, port), (other, other_port)) = (parts(one), parts(other));
    let is_same_host = match (read_address(host), read_address(other)) {
        (Some(one), Some(other)) => one == other,
        _ => host.eq_ignore_ascii_case(other),
    };
    is_same_host && port.is_some() && port == other_port
}

/// A host, in brackets if it is an IPv6 address, and the port after its `:`.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        // A `:` in brackets belongs to the address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn read_address(host: &str) -> Option<Ipv6Addr> {
    let address = host.strip_prefix('[')?.strip_suffix(']')?;
    address.parse().ok()
}

/// A port in decimal digits: without a sign, which Rust's own parser takes.
pub(super) fn read_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn is_name(host: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !host.is_empty() && host.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_and_ports_are_told_from_the_rest() {
        for valid in [
            "example.com",
            "EXAMPLE.com.",
            "example.com:8000",
            "my_service:80",
            "127.0.0.1:65535",
            "[::1]",
            "[2001:db8::1]:443",
        ] {
            assert!(is_authority(valid), "{valid:?}");
        }
        for invalid in [
            "",
            ":80",
            "a:",
            "a:+80",
            "a:65536",
            "a:80:80",
            "a:b",
            "a b",
            " a",
            "user@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a,b",
            "a%41",
            "http://a",
            "été",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[fe80::1%25eth0]",
            "[a]",
            "::1",
        ] {
            assert!(!is_authority(invalid), "{invalid:?}");
        }
    }

    #[test]
    fn an_omitted_port_is_the_default_one() {
        for (one, other, port) in [
            ("a", "A", 80),
            ("a:80", "a", 80),
            ("a", "a:443", 443),
            ("[::1]:80", "[::1]", 80),
            ("[0:0::1]", "[::1]:443", 443),
            ("a:8000", "a:8000", 80),
        ] {
            assert!(is_same_authority(one, other, port), "{one} {other} {port}");
        }
        for (one, other, port) in [
            ("a", "b", 80),
            ("a:443", "a", 80),
            ("a:80", "a", 443),
            ("a:8000", "a", 80),
            ("[::1]:80", "[::1]:81", 80),
            ("[::1]", "[::2]", 80),
            ("a.", "a", 80),
        ] {
            assert!(!is_same_authority(one, other, port), "{one} {other} {port}");
        }
    }

    proptest! {
        /// What we take, the type of everybody else takes as well, and means the same by it.
        #[test]
        fn a_valid_authority_is_one_to_others(text in "[a-z0-9\\[\\]:.@_-]{0,12}|\\PC{0,8}") {
            if is_authority(&text) {
                let other: http::uri::Authority = text.parse().expect("an authority");
                prop_assert_eq!(other.as_str(), &text);
                prop_assert!(!text.contains('@'));
                prop_assert_eq!(other.port().is_some(), other.host().len() < text.len());
            }
        }
    }
}
