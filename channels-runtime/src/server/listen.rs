//! Binding the addresses of a server.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};

/// How many connections the kernel keeps for us until we accept them. tokio's own 128 make the
/// clients of a reconnect storm repeat their SYN.
const BACKLOG: u32 = 16 * 1024;

/// Ports that are tried until one is free for all addresses.
const PORTS: usize = 16;

/// Binds all addresses of a name. With port 0, all get the same free port.
pub(super) fn listen(mut addresses: Vec<SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let mut known = Vec::new();
    addresses.retain(|address| {
        let is_new = !known.contains(address);
        known.push(*address);
        is_new
    });
    for _ in 1..PORTS {
        match try_listen(&addresses) {
            // Another program has the port in another family.
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_any_port(&addresses) => {}
            bound => return bound,
        }
    }
    try_listen(&addresses)
}

fn is_any_port(addresses: &[SocketAddr]) -> bool {
    addresses.len() > 1 && addresses.iter().all(|address| address.port() == 0)
}

fn try_listen(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let has_both = addresses.iter().any(SocketAddr::is_ipv4);
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut unavailable = io::Error::new(ErrorKind::InvalidInput, "the name has no address");
    for &address in addresses {
        let mut address = address;
        if address.port() == 0
            && let Some(first) = listeners.first()
        {
            address.set_port(first.local_addr()?.port());
        }
        match listen_on(address, has_both) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_unavailable(&error) => {
                tracing::warn!(%address, %error, "address not available, not bound");
                unavailable = error;
            }
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() {
        return Err(unavailable);
    }
    Ok(listeners)
}

/// Whether this machine does not have an address, or its family: it may have the others of the name.
fn is_unavailable(error: &io::Error) -> bool {
    /// EAFNOSUPPORT, for which the standard library has no kind.
    const NO_SUCH_FAMILY: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

/// `is_v6_alone`: whether a socket of IPv6 must leave the connections of IPv4 to another socket.
fn listen_on(address: SocketAddr, is_v6_alone: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        if is_v6_alone {
            SockRef::from(&socket).set_only_v6(true)?;
        }
        socket
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
