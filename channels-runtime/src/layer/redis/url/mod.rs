//! Reads the URL of a Redis layer: its hosts, its login and its options.
//!
//! An error shows no part of the URL except known option names: anything else may be a part of a
//! password that was not percent-encoded.

mod query;

use percent_encoding::percent_decode_str;

use self::query::Query;
use super::hosts::{Address, Host, Inner, Login, Place};
use super::tls::Tls;
use crate::{Error, ErrorKind, Result};

/// The ports that are meant where none is said.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

const SCHEMES: &str = "redis://, rediss://, redis+unix://, valkey://, valkeys:// or unix://, with \
                       +pubsub for the pub/sub layer and +sentinel or +cluster before ://";

/// A layer's URL: `redis[s][+pubsub][+sentinel|+cluster|+unix]://[[user]:password@]host[:port],…[/database][?options]`.
///
/// `valkey` is the same as `redis`, `valkeys` as `rediss`, and `unix` as `redis+unix`.
#[derive(Debug)]
pub(crate) struct RedisUrl {
    /// In the order in which they are written, which decides where groups and topics are stored.
    pub(crate) hosts: Vec<Host>,
    /// Whether the URL selects the pub/sub layer.
    pub(crate) pubsub: bool,
    options: Query,
}

impl RedisUrl {
    /// # Errors
    ///
    /// [`ErrorKind::Config`], with the place of the mistake and what is allowed there.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown_scheme)?;
        let scheme = Scheme::parse(scheme)?;
        let (rest, options) = match rest.split_once('?') {
            Some((rest, options)) => (rest, Query::parse(options)?),
            None => (rest, Query::default()),
        };
        Ok(Self {
            hosts: scheme.hosts(rest, &options)?,
            pubsub: scheme.pubsub,
            options,
        })
    }

    /// Passes each option of the layer to `take`, which returns whether it knows the option.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for the first unknown option, with the `known` ones; and the error of
    /// `take` for an invalid value.
    pub(crate) fn options(
        &self,
        known: &str,
        take: impl FnMut(&str, &str) -> Result<bool>,
    ) -> Result {
        self.options.layer(known, take)
    }
}

/// What stands before `://`.
#[derive(Default)]
struct Scheme {
    tls: bool,
    pubsub: bool,
    kind: Kind,
}

#[derive(Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Servers,
    Socket,
    Sentinel,
    Cluster,
}

impl Scheme {
    fn parse(text: &str) -> Result<Self> {
        let mut parts = text.split('+');
        let mut scheme = match parts.next() {
            Some("redis" | "valkey") => Self::default(),
            Some("rediss" | "valkeys") => Self {
                tls: true,
                ..Self::default()
            },
            Some("unix") => Self {
                kind: Kind::Socket,
                ..Self::default()
            },
            _ => return Err(unknown_scheme()),
        };
        for part in parts {
            let kind = match part {
                "pubsub" if !scheme.pubsub => {
                    scheme.pubsub = true;
                    continue;
                }
                "unix" if !scheme.tls => Kind::Socket,
                "sentinel" => Kind::Sentinel,
                "cluster" => Kind::Cluster,
                _ => return Err(unknown_scheme()),
            };
            if scheme.kind != Kind::Servers {
                return Err(unknown_scheme());
            }
            scheme.kind = kind;
        }
        Ok(scheme)
    }

    /// Reads the part between `://` and `?`.
    fn hosts(&self, text: &str, query: &Query) -> Result<Vec<Host>> {
        let (login, text) = match text.rsplit_once('@') {
            Some((login, text)) => (parse_login(login)?, text),
            None => (Login::default(), text),
        };
        let login = query.login(login)?;
        let (addresses, path) = match text.split_once('/') {
            Some((addresses, path)) => (addresses, Some(path)),
            None => (text, None),
        };
        let sentinel = query.sentinel_login()?;
        if self.kind != Kind::Sentinel && !sentinel.is_empty() {
            return Err(wrong(
                "`sentinel_username` and `sentinel_password` need a Sentinel: redis+sentinel://",
            ));
        }
        let tls = query.tls()?;
        if !self.tls && tls.is_some() {
            return Err(wrong(
                "the `ssl_` options need TLS: rediss:// or valkeys://",
            ));
        }
        let tls = self.tls.then(|| Tls::open(&tls.unwrap_or_default()));
        let tls = tls.transpose()?;
        let host = |place, database| {
            Host::new(Inner {
                place,
                login: login.clone(),
                sentinel: sentinel.clone(),
                database,
                tls: tls.clone(),
            })
        };
        match self.kind {
            Kind::Servers => {
                let database = query.database(path.unwrap_or_default())?;
                let addresses = parse_addresses(addresses, PORT)?;
                let places = addresses.into_iter().map(Place::Server);
                Ok(places.map(|place| host(place, database)).collect())
            }
            Kind::Socket => {
                let path = path.filter(|path| addresses.is_empty() && !path.is_empty());
                let path = path.ok_or_else(|| {
                    wrong("a socket needs an absolute path: redis+unix:///run/redis.sock")
                })?;
                let path = decode(path, "the path of the socket")?;
                let database = query.database("")?;
                Ok(vec![host(
                    Place::Socket(format!("/{path}").into()),
                    database,
                )])
            }
            Kind::Sentinel => {
                let path = path.unwrap_or_default();
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                let place = Place::Sentinel {
                    sentinels: parse_addresses(addresses, SENTINEL_PORT)?,
                    master: decode(master, "the name of the master")?,
                };
                if master.is_empty() {
                    return Err(wrong(
                        "Sentinel needs the name of a master: \
                         redis+sentinel://host:26379/mymaster/0",
                    ));
                }
                Ok(vec![host(place, query.database(database)?)])
            }
            Kind::Cluster => {
                if query.database(path.unwrap_or_default())? != 0 {
                    return Err(wrong("a cluster has only the database 0"));
                }
                let nodes = Place::Cluster(parse_addresses(addresses, PORT)?);
                Ok(vec![host(nodes, 0)])
            }
        }
    }
}

fn parse_login(text: &str) -> Result<Login> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    let user = match user {
        "" => None,
        user => Some(decode(user, "the user")?),
    };
    let password = password.map(|password| decode(password, "the password"));
    Ok(Login {
        user,
        password: password.transpose()?,
    })
}

fn parse_addresses(text: &str, port: u16) -> Result<Vec<Address>> {
    let addresses = text.split(',').enumerate();
    addresses
        .map(|(at, address)| {
            parse_address(address, port)
                .ok_or_else(|| wrong(format!("host {} is not `name` or `name:port`", at + 1)))
        })
        .collect()
}

fn parse_address(text: &str, port: u16) -> Option<Address> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            let port = match rest.strip_prefix(':') {
                Some(port) => parse_port(port)?,
                None if rest.is_empty() => port,
                None => return None,
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, parse_port(port)?),
            None => (text, port),
        },
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_allowed) {
        return None;
    }
    Some(Address {
        host: host.to_owned(),
        port,
    })
}

fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

fn decode(text: &str, what: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| wrong(format!("{what} is not percent-encoded UTF-8")))?;
    Ok(decoded.into_owned())
}

fn unknown_scheme() -> Error {
    wrong(format!("it begins with {SCHEMES}"))
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the URL of Redis is wrong: {what}"),
    )
}

#[cfg(test)]
mod tests;
