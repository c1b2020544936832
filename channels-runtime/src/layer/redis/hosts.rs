//! The addresses of Redis, and the login.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use redis::{
    Client, ConnectionAddr, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo,
    RedisResult,
};

use super::sentinel;
use super::tls::Tls;

/// One of the places that keys and topics are spread over: a server, or those that stand in for
/// each other. Clones share what it is made of.
#[derive(Clone)]
pub(crate) struct Host(Arc<Inner>);

pub(super) struct Inner {
    pub(super) place: Place,
    pub(super) login: Login,
    /// The login at Sentinel itself.
    pub(super) sentinel: Login,
    pub(super) database: u32,
    pub(super) tls: Option<Tls>,
}

/// A user and a password, which are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

impl Login {
    pub(super) fn is_empty(&self) -> bool {
        self.user.is_none() && self.password.is_none()
    }

    fn add_to(&self, mut info: RedisConnectionInfo) -> RedisConnectionInfo {
        if let Some(user) = &self.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.password {
            info = info.set_password(password);
        }
        info
    }
}

/// Where a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Server(Address),
    Socket(PathBuf),
    /// Whoever these call the master, at the time of connecting.
    Sentinel {
        sentinels: Vec<Address>,
        master: String,
    },
    /// Any node of a cluster: what is published at one of them, all of them pass on.
    Cluster(Vec<Address>),
    /// A node of a cluster, while it is a master.
    Master(Address),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Host {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.0.place, Place::Cluster(_))
    }

    /// The nodes of a cluster by which it is entered; none if it is no cluster.
    pub(super) fn seeds(&self) -> &[Address] {
        match &self.0.place {
            Place::Cluster(nodes) => nodes,
            _ => &[],
        }
    }

    pub(super) fn is_master(&self) -> bool {
        matches!(self.0.place, Place::Master(_))
    }

    /// A single place, entered in the same way.
    pub(super) fn at(&self, place: Place) -> Self {
        Self::new(Inner {
            place,
            login: self.0.login.clone(),
            sentinel: self.0.sentinel.clone(),
            tls: self.0.tls.clone(),
            ..*self.0
        })
    }

    /// Whether the connection has to be that of a master, which the address does not tell: Sentinel may
    /// name one that has been replaced a moment ago.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.0.place, Place::Sentinel { .. })
    }

    /// How to connect to it now. `attempt` chooses among the nodes of a cluster, and the Sentinel that
    /// is asked first.
    ///
    /// # Errors
    ///
    /// The client's own, if no Sentinel knows the master.
    pub(super) async fn client(&self, attempt: usize) -> RedisResult<Client> {
        let address = match &self.0.place {
            Place::Server(address) | Place::Master(address) => self.address(address),
            Place::Socket(path) => ConnectionAddr::Unix(path.clone()),
            Place::Cluster(nodes) => self.address(&nodes[attempt % nodes.len()]),
            Place::Sentinel { sentinels, master } => {
                let sentinels = sentinels.iter().map(|it| self.sentinel_client(it));
                let sentinels: Vec<_> = sentinels.collect::<RedisResult<_>>()?;
                self.address(&sentinel::ask(&sentinels, attempt, master).await?)
            }
        };
        let login = self.0.login.add_to(
            RedisConnectionInfo::default()
                .set_protocol(ProtocolVersion::RESP3)
                .set_skip_set_lib_name()
                .set_db(self.0.database.into()),
        );
        Client::open(address.into_connection_info()?.set_redis_settings(login))
    }

    fn sentinel_client(&self, sentinel: &Address) -> RedisResult<Client> {
        let login = RedisConnectionInfo::default().set_skip_set_lib_name();
        let login = self.0.sentinel.add_to(login);
        let address = self.address(sentinel).into_connection_info()?;
        Client::open(address.set_redis_settings(login))
    }

    fn address(&self, Address { host, port }: &Address) -> ConnectionAddr {
        match &self.0.tls {
            Some(tls) => tls.address(host, *port),
            None => ConnectionAddr::Tcp(host.clone(), *port),
        }
    }
}

/// Without the user and the password.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, addresses: &[Address]| {
            for (at, address) in addresses.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { "," })?;
                address.fmt(f)?;
            }
            Ok(())
        };
        match &self.0.place {
            Place::Server(address) | Place::Master(address) => address.fmt(f),
            Place::Socket(path) => path.display().fmt(f),
            Place::Cluster(nodes) => list(f, nodes),
            Place::Sentinel { sentinels, master } => {
                write!(f, "{master} of ")?;
                list(f, sentinels)
            }
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("place", &self.0.place)
            .field("database", &self.0.database)
            .field("tls", &self.0.tls)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
impl Host {
    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}
