use std::net::SocketAddr;

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1:5000";

/// What a server knows whose peer sent these headers.
fn info(proxies: &TrustedProxies, peer: &str, headers: &[(&'static str, &str)]) -> ConnectInfo {
    let mut request = Request::new(());
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        request.headers_mut().append(*name, value);
    }
    request.extensions_mut().insert(ConnectInfo {
        client: Some(peer.parse().expect("an address")),
        ..ConnectInfo::default()
    });
    // What is refused is asserted by `a_host_that_is_not_valid_is_refused`.
    let _ = proxies.apply(&mut request);
    request.extensions_mut().remove().expect("it stays there")
}

/// Client, encryption and host.
fn told(info: &ConnectInfo) -> (String, bool, Option<&str>) {
    let client = info.client.map(|client| client.to_string());
    (
        client.unwrap_or_default(),
        info.secure,
        info.host.as_deref(),
    )
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "2001:db8:1::/48", "::1"])
}

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

/// The rows of a table, each as its cells.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.trim().lines().map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        cells.try_into().expect("a cell for each column")
    })
}

/// The lines of a header, written with a ` / ` between them; none if there is nothing.
fn header(name: &'static str, lines: &'static str) -> Vec<(&'static str, &'static str)> {
    let lines = lines.split(" / ").filter(|line| !line.is_empty());
    lines.map(|line| (name, line)).collect()
}

/// What is shown | `X-Forwarded-For` | `X-Forwarded-Proto` | the client | encrypted.
const X_FORWARDED: &str = "
nothing is said              |                                   |                    | 10.0.0.1:5000         | no
one proxy                    | 192.0.2.7                         | https              | 192.0.2.7:0           | yes
plain                        | 192.0.2.7                         | http               | 192.0.2.7:0           | no
a port                       | 192.0.2.7:4711                    | WSS                | 192.0.2.7:4711        | yes
IPv6                         | [2001:db8:2::7]:4711              |                    | [2001:db8:2::7]:4711  | no
IPv4 in IPv6                 | ::ffff:192.0.2.7                  |                    | 192.0.2.7:0           | no
the client claims another    | 8.8.8.8, 192.0.2.7                |                    | 192.0.2.7:0           | no
the client claims a proxy    | 10.0.0.9, 192.0.2.7               |                    | 192.0.2.7:0           | no
a claim in its own line      | 8.8.8.8 / 192.0.2.7               |                    | 192.0.2.7:0           | no
two proxies                  | 192.0.2.7, 10.0.0.2               |                    | 192.0.2.7:0           | no
two proxies, two lines       | 192.0.2.7 / 10.0.0.2              |                    | 192.0.2.7:0           | no
three proxies and a claim    | 8.8.8.8, 192.0.2.7,::1 ,	10.0.0.2 |                    | 192.0.2.7:0           | no
a proxy is the client        | 10.0.0.3, 10.0.0.2                |                    | 10.0.0.3:0            | no
empty elements               | , ,192.0.2.7,, / ,                |                    | 192.0.2.7:0           | no
garbage on the left          | <script>, 192.0.2.7               |                    | 192.0.2.7:0           | no
garbage on the right         | 192.0.2.7, garbage                |                    | 10.0.0.1:5000         | no
garbage between              | 192.0.2.7, garbage, 10.0.0.2      |                    | 10.0.0.2:0            | no
unknown                      | 192.0.2.7, unknown                | https              | 10.0.0.1:5000         | yes
only the protocol            |                                   | https              | 10.0.0.1:5000         | yes
the client claims https      | 192.0.2.7                         | https, http        | 192.0.2.7:0           | no
https outside, http inside   | 192.0.2.7, 10.0.0.2               | https, http        | 192.0.2.7:0           | yes
set outside, kept inside     | 192.0.2.7, 10.0.0.2               | https              | 192.0.2.7:0           | yes
a claim before those         | 192.0.2.7, 10.0.0.2               | https, http, https | 192.0.2.7:0           | no
another protocol             | 192.0.2.7                         | ftp                | 192.0.2.7:0           | no
";

#[test]
fn the_client_is_the_last_who_is_no_proxy() {
    for [what, nodes, protos, client, encrypted] in rows(X_FORWARDED) {
        let mut headers = vec![
            ("forwarded", "for=8.8.4.4;proto=https;host=evil.example"),
            (HOST, "evil.example"),
        ];
        headers.extend(header(FOR, nodes));
        headers.extend(header(PROTO, protos));
        let info = info(&proxies(), PROXY, &headers);
        let expected = (client.to_owned(), encrypted == "yes", None);
        assert_eq!(told(&info), expected, "{what}");
    }
}

/// What is shown | `Forwarded` | the client | encrypted | the host.
const FORWARDED: &str = r#"
nothing is said              |                                               | 10.0.0.1:5000        | no  |
all                          | for=192.0.2.7;proto=https;host=a.example      | 192.0.2.7:0          | yes | a.example
IPv6                         | for="[2001:db8:2::7]:4711"                    | [2001:db8:2::7]:4711 | no  |
a claim                      | for=8.8.8.8;proto=https;host=b, for=192.0.2.7 | 192.0.2.7:0          | no  |
a claim in its own line      | for=8.8.8.8;proto=https / for=192.0.2.7       | 192.0.2.7:0          | no  |
two proxies                  | for=192.0.2.7;proto=https;host=a, for=10.0.0.2;proto=http;host=b | 192.0.2.7:0 | yes | a
the outer says nothing       | for=192.0.2.7, for=10.0.0.2;proto=https;host=b | 192.0.2.7:0         | yes | b
an open quote of the client  | for="8.8.8.8, for=192.0.2.7                   | 192.0.2.7:0          | no  |
the same, and our quotes     | for=", for="192.0.2.7"                        | 192.0.2.7:0          | no  |
an escape before our comma   | for="\, for=192.0.2.7;proto=https             | 192.0.2.7:0          | yes |
hidden                       | for=8.8.8.8, for=_hidden;proto=https          | 10.0.0.1:5000        | yes |
unknown behind a proxy       | for=unknown;host=a, for=10.0.0.2              | 10.0.0.2:0           | no  | a
nobody                       | proto=https;by=_us                            | 10.0.0.1:5000        | yes |
malformed                    | for=192.0.2.7, for=10.0.0.2;=;proto=https     | 10.0.0.1:5000        | no  |
two of a kind                | for=8.8.8.8;for=192.0.2.7                     | 10.0.0.1:5000        | no  |
no host                      | for=192.0.2.7;host="a/b"                      | 192.0.2.7:0          | no  |
"#;

#[test]
fn forwarded_is_believed_where_it_is_chosen() {
    for [what, lines, client, encrypted, host] in rows(FORWARDED) {
        let mut headers = vec![(FOR, "8.8.4.4"), (PROTO, "http"), (HOST, "evil.example")];
        headers.extend(header("forwarded", lines));
        let info = info(&proxies().forwarded(), PROXY, &headers);
        let host = Some(host).filter(|host| !host.is_empty());
        let expected = (client.to_owned(), encrypted == "yes", host);
        assert_eq!(told(&info), expected, "{what}");
    }
}

#[test]
fn a_forwarded_host_is_believed_where_it_is_asked_for() {
    for (hosts, expected) in [
        ("a.example:8443", Some("a.example:8443")),
        ("evil.example, a.example", Some("a.example")),
        ("evil.example, a/b", None),
        ("user@a.example", None),
        ("", None),
    ] {
        let headers = [(FOR, "192.0.2.7"), (HOST, hosts)];
        let info = info(&proxies().x_forwarded_host(), PROXY, &headers);
        assert_eq!(info.host.as_deref(), expected, "{hosts}");
    }
}

#[test]
fn a_host_that_is_not_valid_is_refused() {
    for (name, value, is_refused) in [
        (HOST, &b"a.example"[..], false),
        (HOST, b"evil/, a.example", false),
        (HOST, b"a.example, evil/", true),
        (HOST, b"a.example\xff", true),
        (HOST, b"\xff", true),
        (HOST, b"a.example:0x50", true),
        ("forwarded", b"for=192.0.2.7;host=\"a/b\"", true),
        ("forwarded", b"for=192.0.2.7;host=a", false),
    ] {
        let proxies = match name {
            HOST => proxies().x_forwarded_host(),
            _ => proxies().forwarded(),
        };
        for (peer, is_trusted) in [(PROXY, true), ("192.0.2.7:5000", false)] {
            let mut request = Request::new(());
            let value = HeaderValue::from_bytes(value).expect("a value");
            request.headers_mut().insert(name, value.clone());
            request.extensions_mut().insert(ConnectInfo {
                client: Some(peer.parse().expect("an address")),
                ..ConnectInfo::default()
            });
            let applied = proxies.apply(&mut request);
            let expected = is_refused && is_trusted;
            assert_eq!(applied.is_err(), expected, "{value:?} {peer}");
        }
    }
}

#[test]
fn nobody_else_is_believed() {
    let headers = [
        (FOR, "8.8.8.8"),
        (PROTO, "https"),
        (HOST, "evil.example"),
        ("forwarded", "for=8.8.8.8;proto=https;host=evil.example"),
    ];
    let none: [&str; 0] = [];
    for proxies in [
        proxies().x_forwarded_host(),
        proxies().forwarded(),
        TrustedProxies::new(none).x_forwarded_host(),
        TrustedProxies::new(["192.0.2.7", "10.0.0.0/4/8"]).forwarded(),
    ] {
        for peer in [
            "192.0.2.7:50000",
            "[::ffff:192.0.2.7]:50000",
            "[2001:db8:2::1]:1",
        ] {
            let info = info(&proxies, peer, &headers);
            assert_eq!(told(&info), (peer.to_owned(), false, None), "{proxies:?}");
        }
    }
    let mut in_process = Request::new(());
    in_process
        .headers_mut()
        .insert(FOR, HeaderValue::from_static("8.8.8.8"));
    assert_eq!(proxies().apply(&mut in_process), Ok(()));
    assert!(in_process.extensions().is_empty());
}

#[test]
fn a_proxy_is_known_by_either_form_of_its_address() {
    for (network, peer) in [
        ("10.0.0.0/8", "[::ffff:10.0.0.1]:5000"),
        ("::ffff:10.0.0.0/104", "10.0.0.1:5000"),
        ("::ffff:10.0.0.1", "10.0.0.1:5000"),
        ("10.0.0.1/32", "10.0.0.1:5000"),
        ("2001:DB8::/32", "[2001:db8::1]:5000"),
    ] {
        let info = info(&TrustedProxies::new([network]), peer, &[(FOR, "192.0.2.7")]);
        assert_eq!(told(&info).0, "192.0.2.7:0", "{network} {peer}");
    }
}

#[test]
fn a_mistake_is_told_with_what_is_allowed() {
    assert!(proxies().check().is_ok());
    let allowed =
        "is no trusted proxy; allowed: an address (`10.1.2.3`, `::1`) or a network (`10.0.0.0/8`)";
    let mistake = |text| {
        let checked = TrustedProxies::new(["10.0.0.1", text, "worse"]).check();
        let error = checked.expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    for text in [
        "10.0.0",
        "10.0.0.0/33",
        "proxy.example",
        "*",
        "unix",
        "",
        " ::1",
        "[::1]",
        "10.0.0.1:80",
    ] {
        assert_eq!(mistake(text), format!("`{text}` {allowed}"));
    }
    assert!(mistake("0.0.0.0/0").starts_with("`0.0.0.0/0` trusts everybody"));
    assert!(mistake("::/0").starts_with("`::/0` trusts everybody"));
    assert_eq!(
        mistake("10.1.2.3/8"),
        "`10.1.2.3/8` is an address with the size of a network; write `10.0.0.0/8` for the network, \
         or `10.1.2.3` for the address"
    );
}

/// A node as someone may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Trusted,
    Other,
    Garbage,
}

impl Node {
    /// Each position has an address of its own, so the result tells which it was.
    fn text(self, position: usize) -> String {
        match self {
            Self::Trusted => format!("10.1.0.{position}"),
            Self::Other => format!("192.0.2.{position}"),
            Self::Garbage => ["unknown", "_x", "1.2.3", "[", "-"][position % 5].to_owned(),
        }
    }
}

fn position(client: SocketAddr) -> Option<usize> {
    let IpAddr::V4(address) = client.ip() else {
        return None;
    };
    (address.octets()[..2] != [10, 0]).then(|| usize::from(address.octets()[3]))
}

/// Joins elements to header lines, at the marked places with a new one.
fn lines(elements: &[String], breaks: &[bool]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (element, new_line) in elements.iter().zip(breaks.iter().cycle()) {
        match lines.last_mut() {
            Some(line) if !new_line => {
                let comma = if line.is_empty() { "" } else { ", " };
                *line = format!("{line}{comma}{element}");
            }
            _ => lines.push(element.clone()),
        }
    }
    lines
}

proptest! {
    /// Right of the client, all are trusted: nothing is taken that stands left of somebody else.
    #[test]
    fn nothing_is_taken_from_the_left_of_an_untrusted_one(
        nodes in proptest::collection::vec(
            prop_oneof![Just(Node::Trusted), Just(Node::Other), Just(Node::Garbage)], 0..12),
        breaks in proptest::collection::vec(any::<bool>(), 1..5),
        by_forwarded in any::<bool>(),
    ) {
        let texts = nodes.iter().enumerate().map(|(position, node)| node.text(position));
        let (name, texts): (_, Vec<_>) = if by_forwarded {
            ("forwarded", texts.map(|text| format!("for=\"{text}\"")).collect())
        } else {
            (FOR, texts.collect())
        };
        let lines = lines(&texts, &breaks);
        let headers: Vec<_> = lines.iter().map(|line| (name, line.as_str())).collect();
        let proxies = if by_forwarded { proxies().forwarded() } else { proxies() };
        let client = info(&proxies, PROXY, &headers).client.expect("a client");
        // The peer stands behind the list's end.
        let first_right = position(client).map_or(0, |position| position + 1);
        if position(client).is_none() {
            let last = nodes.last();
            prop_assert!(matches!(last, None | Some(Node::Garbage)), "{last:?}");
        } else {
            let mut right = nodes[first_right..].iter();
            prop_assert!(right.all(|node| *node == Node::Trusted));
            let itself = nodes[first_right - 1];
            let left = nodes[..first_right - 1].last();
            prop_assert!(itself == Node::Other || matches!(left, None | Some(Node::Garbage)));
        }
    }

    /// Whatever a client sends, what its proxy adds to it counts.
    #[test]
    fn no_claim_of_a_client_changes_who_it_is(
        claim in proptest::collection::vec(any::<u8>(), 0..60)
            .prop_filter_map("a header's value", |bytes| HeaderValue::from_bytes(&bytes).ok()),
        own_line in any::<bool>(),
        quoted in any::<bool>(),
    ) {
        for (proxies, name, added) in [
            (proxies(), FOR, "192.0.2.7"),
            (proxies().forwarded(), "forwarded", if quoted { "for=\"192.0.2.7\";proto=http" } else { "for=192.0.2.7" }),
        ] {
            let mut headers = HeaderMap::new();
            let value = if own_line {
                headers.append(name, claim.clone());
                added.as_bytes().to_vec()
            } else {
                [claim.as_bytes(), b", ", added.as_bytes()].concat()
            };
            headers.append(name, HeaderValue::from_bytes(&value).expect("a value"));
            let mut info = ConnectInfo { client: PROXY.parse().ok(), ..ConnectInfo::default() };
            let _ = proxies.read(&headers, &mut info);
            prop_assert_eq!(told(&info), ("192.0.2.7:0".to_owned(), false, None));
        }
    }

    #[test]
    fn nothing_panics(
        values in proptest::collection::vec((0..4_usize, "[-a-z0-9=;:,\"\\\\\\[\\]. ]{0,30}|\\PC{0,12}"), 0..6),
    ) {
        let names = [FOR, PROTO, HOST, "forwarded"];
        let headers: Vec<_> = values.iter().map(|(name, value)| (names[*name], value.as_str())).collect();
        for proxies in [proxies().x_forwarded_host(), proxies().forwarded()] {
            let info = info(&proxies, PROXY, &headers);
            prop_assert!(info.host.as_deref().is_none_or(is_authority));
        }
    }
}
