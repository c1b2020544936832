//! Headers of proxies: nobody but a trusted proxy decides who the client is.

use std::net::{IpAddr, SocketAddr};

use channels::TrustedProxies;
use channels_runtime::__fuzz::behind_proxies;
use http::Request;

use crate::support::line;

type Found = (Option<SocketAddr>, bool, Option<String>);

/// The first byte selects the headers that are trusted. The first line is what a client sends, the
/// second one what the proxies add, the last two are `X-Forwarded-Proto` and `X-Forwarded-Host`.
pub fn forwarded(data: &[u8]) {
    let Some((kind, mut data)) = data.split_first() else {
        return;
    };
    let trusted = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"]);
    let (trusted, name) = match kind % 3 {
        0 => (trusted, "x-forwarded-for"),
        1 => (trusted.x_forwarded_host(), "x-forwarded-for"),
        _ => (trusted.forwarded(), "forwarded"),
    };
    let (client, proxies) = (line(&mut data), line(&mut data));
    let (proto, host) = (line(&mut data), line(&mut data));
    let find = |peer: [u8; 4], list: &[&[u8]]| {
        let mut request = Request::get("/");
        for value in list {
            request = request.header(name, *value);
        }
        let request = request
            .header("x-forwarded-proto", proto)
            .header("x-forwarded-host", host);
        let peer = SocketAddr::from((peer, 1234));
        Some(behind_proxies(&trusted, peer, request.body(()).ok()?))
    };
    check(&find, client, proxies);
}

fn check(find: &dyn Fn([u8; 4], &[&[u8]]) -> Option<Found>, client: &[u8], proxies: &[u8]) {
    let (proxy, stranger) = ([10, 0, 0, 1], [192, 0, 2, 1]);
    let Some(honest) = find(proxy, &[proxies]) else {
        return;
    };
    let untouched = (Some(SocketAddr::from((stranger, 1234))), false, None);
    assert_eq!(find(stranger, &[proxies]), Some(untouched));
    let is_trusted = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.octets()[0] == 0xfd,
    };
    let found = honest.0.expect("there is always a client").ip();
    if is_trusted(found) {
        return;
    }
    // The walk has ended at a client: nothing on the left of it changes the result.
    let joined = [client, b",", proxies].concat();
    for list in [&[joined.as_slice()][..], &[client, proxies]] {
        if let Some(attacked) = find(proxy, list) {
            assert_eq!(attacked, honest);
        }
    }
}
