//! A server is bound to each address of its name.

use channels::Server;
use channels::prelude::*;
use tokio::net::TcpListener;

use crate::support::{app, within};
use crate::{Echo, get_text};

#[tokio::test]
async fn each_address_of_a_name_is_served() {
    let localhost = tokio::net::lookup_host("localhost:0").await;
    let mut expected: Vec<_> = localhost
        .expect("it resolves")
        .map(|address| address.ip())
        .collect();
    expected.sort();
    expected.dedup();
    for _ in 0..20 {
        let server = Server::bind("localhost:0").await.expect("bound");
        let addresses = server.local_addrs().expect("addresses");
        assert_eq!(server.local_addr().expect("an address"), addresses[0]);
        let port = addresses[0].port();
        assert!(addresses.iter().all(|address| address.port() == port));
        let mut bound: Vec<_> = addresses.iter().map(std::net::SocketAddr::ip).collect();
        bound.sort();
        assert_eq!(bound, expected);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = server.shutdown_on(async {
            let _ = stopped.await;
        });
        let serving = tokio::spawn(server.serve(app(Echo::app())));
        for address in addresses {
            let (status, _) = get_text(address, "/ws/").await;
            assert_eq!(status, StatusCode::UPGRADE_REQUIRED, "{address}");
        }
        drop(stop);
        within(serving).await.expect("no panic").expect("served");
    }
}

#[tokio::test]
async fn both_families_are_bound_and_a_taken_port_is_an_error() {
    let both = ["127.0.0.1:0", "[::1]:0"].map(|address| address.parse().expect("an address"));
    let both: &[std::net::SocketAddr] = &both;
    let server = Server::bind(both).await.expect("bound");
    let addresses = server.local_addrs().expect("addresses");
    assert_eq!(addresses.len(), 2);
    assert_eq!(addresses[0].port(), addresses[1].port());

    let taken = TcpListener::bind("[::1]:0").await.expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let both = both.iter().map(|&address| {
        let mut address = address;
        address.set_port(port);
        address
    });
    let both: Vec<_> = both.collect();
    let error = Server::bind(&both[..]).await.expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::Io);
}
