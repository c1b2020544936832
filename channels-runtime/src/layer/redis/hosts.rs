//! Where Redis is, and how one gets in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ConnectionAddr, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo,
    RedisResult, TlsMode,
};

/// One of the places that keys and topics are spread over: a server, or those that stand in for
/// each other. Clones share what it is made of.
#[derive(Clone)]
pub(crate) struct Host(Arc<Inner>);

pub(super) struct Inner {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
    pub(super) tls: bool,
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
            user: self.0.user.clone(),
            password: self.0.password.clone(),
            ..*self.0
        })
    }

    /// How to connect to it now. `attempt` chooses among the nodes of a cluster.
    ///
    /// # Errors
    ///
    /// The client's own, if no Sentinel knows the master.
    pub(super) async fn client(&self, attempt: usize) -> RedisResult<Client> {
        let address = match &self.0.place {
            Place::Server(address) | Place::Master(address) => self.address(address),
            Place::Socket(path) => ConnectionAddr::Unix(path.clone()),
            Place::Cluster(nodes) => self.address(&nodes[attempt % nodes.len()]),
            Place::Sentinel { sentinels, master } => return self.ask(sentinels, master).await,
        };
        Client::open(
            address
                .into_connection_info()?
                .set_redis_settings(self.login()),
        )
    }

    async fn ask(&self, sentinels: &[Address], master: &str) -> RedisResult<Client> {
        let sentinels = sentinels.iter().map(|sentinel| self.address(sentinel));
        let mut builder =
            SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
                .set_client_to_redis_protocol(ProtocolVersion::RESP3)
                .set_client_to_redis_db(self.0.database.into());
        if let Some(user) = &self.0.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.0.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if self.0.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        let client = builder.build()?.async_get_client().await?;
        // The answer has an address alone: the rest is ours.
        let address = client.get_connection_info().addr().clone();
        Client::open(
            address
                .into_connection_info()?
                .set_redis_settings(self.login()),
        )
    }

    fn address(&self, Address { host, port }: &Address) -> ConnectionAddr {
        if !self.0.tls {
            return ConnectionAddr::Tcp(host.clone(), *port);
        }
        // rustls panics where no provider is installed; one that the program chose is kept.
        let _ = rustls::crypto::ring::default_provider().install_default();
        ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        }
    }

    fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name()
            .set_db(self.0.database.into());
        if let Some(user) = &self.0.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.0.password {
            login = login.set_password(password);
        }
        login
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
