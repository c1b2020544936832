//! What proxies write about the requests that they pass on: `Forwarded` (RFC 7239), and
//! `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! Each proxy adds to the right end of a list, so all is read from there: what stands further left is
//! older, and the client's own in the end. No mistake on the left changes what is read on its right.

use std::iter;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::{self, HeaderMap, HeaderValue};

use crate::scope::authority::read_port;

/// What one proxy says of the request that came to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop<'h> {
    /// From where it came.
    pub(super) node: Option<&'h str>,
    /// The protocol by which it came.
    pub(super) proto: Option<&'h str>,
    /// The host that it asked for.
    pub(super) host: Option<&'h str>,
}

/// The hops of `X-Forwarded-For`, the last one first, each with what the other lists say of it.
///
/// There is no end of them: left of the list's end nothing is known.
pub(super) fn x_forwarded(headers: &HeaderMap) -> impl Iterator<Item = Hop<'_>> {
    let list =
        |name| elements(lines(headers, name).flat_map(|line| line.rsplit(|&byte| byte == b',')));
    let mut nodes = list("x-forwarded-for");
    let mut protos = list("x-forwarded-proto");
    let mut hosts = list("x-forwarded-host");
    iter::repeat_with(move || Hop {
        node: nodes.next(),
        proto: protos.next(),
        host: hosts.next(),
    })
}

/// The hops of `Forwarded`, the last one first. One that is malformed says nothing.
pub(super) fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Hop<'_>> {
    let lines = lines(headers, header::FORWARDED.as_str());
    elements(lines.flat_map(rsplit_outside_quotes))
        .map(|element| read_element(element).unwrap_or_default())
}

/// The lines of a header, the last one first: they are one list (RFC 9110 §5.3).
fn lines<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(name).iter().rev();
    lines.map(HeaderValue::as_bytes)
}

/// The elements as text, without the empty ones (RFC 9110 §5.6.1). One that is no text stays, and
/// means nothing.
fn elements<'h>(list: impl Iterator<Item = &'h [u8]>) -> impl Iterator<Item = &'h str> {
    list.map(|element| trim(std::str::from_utf8(element).unwrap_or("?")))
        .filter(|element| !element.is_empty())
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Splits at the commas that stand in no quoted string, from right to left. So a quote that the
/// client has left open swallows nothing of what a proxy has written behind it.
fn rsplit_outside_quotes(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = Some(line);
    iter::from_fn(move || {
        let text = left?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            match byte {
                b'"' if !is_escaped(text, at) => quoted = !quoted,
                b',' if !quoted => {
                    left = Some(&text[..at]);
                    return Some(&text[at + 1..]);
                }
                _ => {}
            }
        }
        left.take()
    })
}

fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text[..at].iter().rev();
    before.take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// Reads `for=192.0.2.43;proto=https;host="example.com:8000"` (RFC 7239 §4). None if it is malformed.
fn read_element(text: &str) -> Option<Hop<'_>> {
    let mut hop = Hop::default();
    let mut left = trim(text);
    while !left.is_empty() {
        if let Some(rest) = left.strip_prefix(';') {
            left = trim(rest);
            continue;
        }
        let (name, rest) = left.split_once('=').filter(|(name, _)| is_token(name))?;
        let (value, rest) = read_value(rest)?;
        let place = match name {
            name if name.eq_ignore_ascii_case("for") => Some(&mut hop.node),
            name if name.eq_ignore_ascii_case("proto") => Some(&mut hop.proto),
            name if name.eq_ignore_ascii_case("host") => Some(&mut hop.host),
            _ => None,
        };
        // Each parameter stands once in an element.
        if place.and_then(|place| place.replace(value)).is_some() {
            return None;
        }
        left = trim(rest);
        if !left.is_empty() && !left.starts_with(';') {
            return None;
        }
    }
    Some(hop)
}

/// Whether a text is a token (RFC 9110 §5.6.2). A parameter whose name holds a quote would be split
/// differently from the right.
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// A value, quoted or not, and what follows it. An escape stays as it is: no address, protocol or
/// host has one.
fn read_value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', '"', ' ', '\t']).unwrap_or(text.len());
        return Some(text.split_at(end)).filter(|(value, _)| !value.is_empty());
    };
    let (end, _) = quoted
        .match_indices('"')
        .find(|&(at, _)| !is_escaped(quoted.as_bytes(), at))?;
    Some((&quoted[..end], &quoted[end + 1..]))
}

/// Reads a node of RFC 7239 §6, or what proxies write into `X-Forwarded-For`: an address with or
/// without a port. None for `unknown`, for a made-up name (`_hidden`), and for what is neither.
pub(super) fn read_node(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address.to_canonical(), 0));
    }
    let (address, port): (IpAddr, _) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (address.parse::<Ipv6Addr>().ok()?.into(), port)
    } else {
        let (address, port) = text.split_at(text.find(':')?);
        (address.parse().ok()?, port)
    };
    let port = match port.strip_prefix(':') {
        // A port that the proxy hides (RFC 7239 §6.2).
        Some(hidden) if hidden.starts_with('_') => 0,
        Some(port) => read_port(port)?,
        None if port.is_empty() => 0,
        None => return None,
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_addresses_with_or_without_a_port() {
        for (text, address) in [
            ("192.0.2.43", "192.0.2.43:0"),
            ("192.0.2.43:47011", "192.0.2.43:47011"),
            ("192.0.2.43:_secret", "192.0.2.43:0"),
            ("2001:db8::17", "[2001:db8::17]:0"),
            ("[2001:db8::17]", "[2001:db8::17]:0"),
            ("[2001:db8:cafe::17]:4711", "[2001:db8:cafe::17]:4711"),
            ("[2001:db8::17]:_p", "[2001:db8::17]:0"),
            ("::ffff:192.0.2.1", "192.0.2.1:0"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
        ] {
            assert_eq!(read_node(text), address.parse().ok(), "{text}");
        }
        for text in [
            "",
            "unknown",
            "UNKNOWN",
            "_hidden",
            "_SEVKISEK:80",
            "unknown:80",
            "example.com",
            "192.0.2",
            "192.0.2.1.5",
            "192.0.2.043",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:+80",
            "192.0.2.1:80:80",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]80",
            "fe80::1%eth0",
            "192.0.2.1 192.0.2.2",
            "\"192.0.2.1\"",
            "-",
        ] {
            assert_eq!(read_node(text), None, "{text}");
        }
    }

    /// The examples of RFC 7239 §4, §6 and §7, and what it does not allow.
    #[test]
    fn elements_are_read_as_the_rfc_says() {
        for (text, node, proto, host) in [
            ("for=\"_gazonk\"", Some("_gazonk"), None, None),
            (
                "For=\"[2001:db8::17]:47\"",
                Some("[2001:db8::17]:47"),
                None,
                None,
            ),
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                Some("192.0.2.60"),
                Some("http"),
                None,
            ),
            (
                "for=192.0.2.43 ; Proto=\"https\" ;;HOST=\"a.example:80\";",
                Some("192.0.2.43"),
                Some("https"),
                Some("a.example:80"),
            ),
            ("for=192.0.2.43:80", Some("192.0.2.43:80"), None, None),
            (
                "ext=\"a;for=10.0.0.1\\\"\";for=192.0.2.1",
                Some("192.0.2.1"),
                None,
                None,
            ),
            ("secret=x;proto=wss", None, Some("wss"), None),
            ("for=unknown;host=a", Some("unknown"), None, Some("a")),
            (";", None, None, None),
        ] {
            assert_eq!(
                read_element(text),
                Some(Hop { node, proto, host }),
                "{text}"
            );
        }
        for text in [
            "for",
            "for=",
            "for=;proto=https",
            "for=192.0.2.1;proto",
            "for=\"192.0.2.1",
            "for=\"192.0.2.1\\\"",
            "for=\"192.0.2.1\"x",
            "for=192.0.2.1 for=192.0.2.2",
            "for=192.0.2.1\"",
            "for=192.0.2.1;for=192.0.2.2",
            "proto=http;for=192.0.2.1;PROTO=https",
            "192.0.2.1",
            "for=192.0.2.1;=a",
            "for=192.0.2.1;b c=a",
            "for=192.0.2.1;tps\" ;;HOST=\"a.example:80\";",
        ] {
            assert_eq!(read_element(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_is_split_from_its_right_end() {
        for (line, parts) in [
            ("a, b,c", &["c", " b", "a"][..]),
            (
                "a=\"1,2\", b=\"\\\",\", c",
                &[" c", " b=\"\\\",\"", "a=\"1,2\""],
            ),
            // The client's open quote does not reach what the proxy has added.
            ("for=\"x, for=192.0.2.1", &[" for=192.0.2.1", "for=\"x"]),
            (
                "for=\", for=\"[2001:db8::1]\"",
                &[" for=\"[2001:db8::1]\"", "for=\""],
            ),
            ("a\\, b", &[" b", "a\\"]),
            ("", &[""]),
        ] {
            assert!(
                rsplit_outside_quotes(line.as_bytes()).eq(parts.iter().map(|part| part.as_bytes())),
                "{line}"
            );
        }
    }
}
