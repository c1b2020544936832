//! Whose word is taken for who the client is.

mod forwarded;

use std::net::IpAddr;

use http::{HeaderMap, Request};
use ipnet::{IpNet, Ipv4Net};

use self::forwarded::{Hop, forwarded, read_node, x_forwarded};
use super::ConnectInfo;
use super::authority::is_authority;
use crate::{Error, ErrorKind, Result};

/// The proxies in front of an application, and which of their headers are believed.
///
/// A request that comes from one of them has its client's address, and whether it came encrypted,
/// from the proxy's headers. From everybody else these headers change nothing.
///
/// Each proxy adds the address of its own peer to the right end of a list, to what the client may
/// have sent itself. So the list is read from the right, as long as the addresses are those of trusted
/// proxies: the client is the first that is not. At an element that is no address (`unknown`, a hidden
/// name, garbage) the walk ends, and the last address counts. The port of a client is 0 where no
/// proxy names it.
///
/// One family of headers is believed, and never both: a proxy that writes the one passes the other on
/// as the client has sent it. It is `X-Forwarded-For` and `X-Forwarded-Proto`, as nearly all proxies
/// write them, or [`forwarded`](Self::forwarded). **Your proxy must set or remove each header that is
/// believed**: one that it leaves alone is the client's. A request with a believed host that is not valid
/// is answered with 400, as in Django. `X-Forwarded-Port` is not read: a proxy that serves another port
/// than the default one has to write it into the host.
///
/// # Examples
///
/// ```
/// use channels_runtime::{ProtocolTypeRouter, TrustedProxies};
///
/// let app = ProtocolTypeRouter::new().trusted_proxies(["10.0.0.0/8", "::1"]);
/// app.check()?;
///
/// let hides_host = TrustedProxies::new(["192.0.2.7"]).x_forwarded_host();
/// let app = ProtocolTypeRouter::new().trusted_proxies(hides_host);
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    believed: Believed,
    mistake: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Believed {
    XForwarded { host: bool },
    Forwarded,
}

impl TrustedProxies {
    /// Proxies by their addresses (`10.1.2.3`, `::1`) and networks (`10.0.0.0/8`).
    ///
    /// A mistake is told at start-up, by [`check`](crate::ProtocolTypeRouter::check); until then
    /// nobody is trusted.
    pub fn new(addresses: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let networks = addresses
            .into_iter()
            .map(|text| read_network(text.as_ref()));
        let (networks, mistake) = match networks.collect() {
            Ok(networks) => (networks, None),
            Err(mistake) => (Vec::new(), Some(mistake)),
        };
        Self {
            networks,
            believed: Believed::XForwarded { host: false },
            mistake,
        }
    }

    /// Believes `Forwarded` (RFC 7239) with its `for`, `proto` and `host`, instead of
    /// `X-Forwarded-*`.
    #[must_use]
    pub fn forwarded(mut self) -> Self {
        self.believed = Believed::Forwarded;
        self
    }

    /// Believes `X-Forwarded-Host` as well.
    ///
    /// Off by default, as Django's `USE_X_FORWARDED_HOST`: most proxies pass `Host` on and do not touch
    /// this header, so it would be the client's to choose.
    #[must_use]
    pub fn x_forwarded_host(mut self) -> Self {
        self.believed = Believed::XForwarded { host: true };
        self
    }

    /// # Errors
    ///
    /// [`ErrorKind::Config`] if an address or network is not valid.
    pub(crate) fn check(&self) -> Result {
        match &self.mistake {
            Some(mistake) => Err(Error::new(ErrorKind::Config, mistake)),
            None => Ok(()),
        }
    }

    /// Writes over what is known of a connection what its proxies say of this request.
    ///
    /// # Errors
    ///
    /// The text of a 400, if a trusted proxy names a host that is not valid. The header `Host` must not
    /// take its place: it may be the name of this server inside of the proxy's network.
    pub(crate) fn apply<B>(&self, request: &mut Request<B>) -> Result<(), &'static str> {
        let Some(mut info) = request.extensions_mut().remove::<ConnectInfo>() else {
            return Ok(());
        };
        let read = self.read(request.headers(), &mut info);
        request.extensions_mut().insert(info);
        read
    }

    fn read(&self, headers: &HeaderMap, info: &mut ConnectInfo) -> Result<(), &'static str> {
        if !info.client.is_some_and(|peer| self.trusts(peer.ip())) {
            return Ok(());
        }
        match self.believed {
            Believed::Forwarded => self.walk(forwarded(headers), info),
            Believed::XForwarded { host: true } => self.walk(x_forwarded(headers), info),
            Believed::XForwarded { host: false } => {
                let hops = x_forwarded(headers).map(|hop| Hop { host: None, ..hop });
                self.walk(hops, info)
            }
        }
    }

    /// Goes from proxy to proxy towards the client.
    fn walk<'h>(
        &self,
        hops: impl Iterator<Item = Hop<'h>>,
        info: &mut ConnectInfo,
    ) -> Result<(), &'static str> {
        // Each hop that the loop comes to was written by a trusted proxy: the peer, or the one that
        // the hop before it names.
        let mut read = Ok(());
        for hop in hops {
            if let Some(secure) = hop.proto.and_then(is_secure) {
                info.secure = secure;
            }
            match hop.host {
                Some(host) if is_authority(host) => info.host = Some(host.into()),
                Some(_) => read = Err("the host that a proxy forwards is not valid"),
                None => {}
            }
            let Some(client) = hop.node.and_then(read_node) else {
                break;
            };
            info.client = Some(client);
            if !self.trusts(client.ip()) {
                break;
            }
        }
        read
    }

    fn trusts(&self, address: IpAddr) -> bool {
        // A socket for both families shows an IPv4 peer as `::ffff:10.0.0.1`.
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

impl<I: IntoIterator<Item: AsRef<str>>> From<I> for TrustedProxies {
    fn from(addresses: I) -> Self {
        Self::new(addresses)
    }
}

/// Whether a protocol is encrypted. None if it is another than the four that come here.
fn is_secure(proto: &str) -> Option<bool> {
    let is = |known: &&str| proto.eq_ignore_ascii_case(known);
    if ["https", "wss"].iter().any(is) {
        Some(true)
    } else {
        ["http", "ws"].iter().any(is).then_some(false)
    }
}

/// Reads an address or a network. The error says what is wrong, and what is allowed.
fn read_network(text: &str) -> Result<IpNet, String> {
    let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) => canonical(network),
        (_, Ok(address)) => IpNet::from(address.to_canonical()),
        _ => {
            return Err(format!(
                "`{}` is no trusted proxy; allowed: an address (`10.1.2.3`, `::1`) or a network (`10.0.0.0/8`)",
                text.escape_debug()
            ));
        }
    };
    if network.prefix_len() == 0 {
        return Err(format!(
            "`{text}` trusts everybody, so every client could name any address as its own; \
             name the networks of your proxies"
        ));
    }
    if network != network.trunc() {
        return Err(format!(
            "`{text}` is an address with the size of a network; write `{}` for the network, or `{}` for the address",
            network.trunc(),
            network.addr()
        ));
    }
    Ok(network)
}

/// A network of IPv4 written as IPv6 (`::ffff:10.0.0.0/104`) as what it is.
fn canonical(network: IpNet) -> IpNet {
    let (IpAddr::V4(address), IpNet::V6(_)) = (network.addr().to_canonical(), network) else {
        return network;
    };
    let prefix = network.prefix_len().checked_sub(96);
    prefix
        .and_then(|prefix| Ipv4Net::new(address, prefix).ok())
        .map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests;
