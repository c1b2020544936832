//! What a URL says of Redis, and whether all of it means something.
//!
//! No part of a URL is shown in an error but its scheme: anything else may be a piece of a password.

use percent_encoding::percent_decode_str;

use super::hosts::{Address, Host, Inner, Place};
use crate::{Error, ErrorKind, Result};

/// The ports that are meant where none is said.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

const SCHEMES: &str = "redis://, rediss:// or redis+unix://, with +pubsub for the pub/sub layer \
                       and +sentinel or +cluster before ://";

/// A layer's URL: `redis[s][+pubsub][+sentinel|+cluster|+unix]://[[user]:password@]host[:port],…[/database][?options]`.
#[derive(Debug)]
pub(crate) struct RedisUrl {
    /// In the order in which they are written, which decides what lies where.
    pub(crate) hosts: Vec<Host>,
    /// Whether the pub/sub layer is meant.
    pub(crate) pubsub: bool,
    options: Vec<(String, String)>,
}

impl RedisUrl {
    /// # Errors
    ///
    /// [`ErrorKind::Config`], saying what is wrong and where, and what is allowed.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown_scheme)?;
        let scheme = Scheme::parse(scheme)?;
        let (rest, options) = match rest.split_once('?') {
            Some((rest, options)) => (rest, parse_options(options)?),
            None => (rest, Vec::new()),
        };
        Ok(Self {
            hosts: scheme.hosts(rest)?,
            pubsub: scheme.pubsub,
            options,
        })
    }

    /// Hands each option to the layer, which takes it or says that it does not know it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for the first option that is not taken, naming the `known` ones; and
    /// the layer's own, for a value that is not allowed.
    pub(crate) fn options(
        &self,
        known: &str,
        mut take: impl FnMut(&str, &str) -> Result<bool>,
    ) -> Result {
        for (at, (name, value)) in self.options.iter().enumerate() {
            if !take(name, value)? {
                let at = at + 1;
                return Err(wrong(format!("option {at} is unknown; known: {known}")));
            }
        }
        Ok(())
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
            Some("redis") => Self::default(),
            Some("rediss") => Self {
                tls: true,
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

    /// Reads what stands between `://` and `?`.
    fn hosts(&self, text: &str) -> Result<Vec<Host>> {
        let (login, text) = match text.rsplit_once('@') {
            Some((login, text)) => (Some(login), text),
            None => (None, text),
        };
        let (user, password) = login.map_or(Ok((None, None)), parse_login)?;
        let (addresses, path) = match text.split_once('/') {
            Some((addresses, path)) => (addresses, Some(path)),
            None => (text, None),
        };
        let host = |place, database| {
            Host::new(Inner {
                place,
                user: user.clone(),
                password: password.clone(),
                database,
                tls: self.tls,
            })
        };
        match self.kind {
            Kind::Servers => {
                let database = path.map_or(Ok(0), parse_database)?;
                let addresses = parse_addresses(addresses, PORT)?;
                let places = addresses.into_iter().map(Place::Server);
                Ok(places.map(|place| host(place, database)).collect())
            }
            Kind::Socket => {
                let path = path.filter(|path| addresses.is_empty() && !path.is_empty());
                let path = path.ok_or_else(|| {
                    wrong("a socket has a path from the root: redis+unix:///run/redis.sock")
                })?;
                let path = decode(path, "the socket's path")?;
                Ok(vec![host(Place::Socket(format!("/{path}").into()), 0)])
            }
            Kind::Sentinel => {
                let path = path.unwrap_or_default();
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                let place = Place::Sentinel {
                    sentinels: parse_addresses(addresses, SENTINEL_PORT)?,
                    master: decode(master, "the master's name")?,
                };
                if master.is_empty() {
                    return Err(wrong(
                        "Sentinel is asked for a master by its name: \
                         redis+sentinel://host:26379/mymaster/0",
                    ));
                }
                Ok(vec![host(place, parse_database(database)?)])
            }
            Kind::Cluster => {
                if path.map_or(Ok(0), parse_database)? != 0 {
                    return Err(wrong("a cluster has the database 0 alone"));
                }
                let nodes = Place::Cluster(parse_addresses(addresses, PORT)?);
                Ok(vec![host(nodes, 0)])
            }
        }
    }
}

fn parse_login(text: &str) -> Result<(Option<String>, Option<String>)> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    let user = match user {
        "" => None,
        user => Some(decode(user, "the user")?),
    };
    let password = password.map(|password| decode(password, "the password"));
    match (&user, password.transpose()?) {
        (Some(_), None) => Err(wrong("a user has a password: redis://user:password@host")),
        (_, password) => Ok((user, password)),
    }
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

fn parse_database(text: &str) -> Result<u32> {
    match text {
        "" => Ok(0),
        text => text
            .parse()
            .map_err(|_| wrong("the database behind the last `/` is a number from 0")),
    }
}

fn parse_options(text: &str) -> Result<Vec<(String, String)>> {
    let options = text.split('&').filter(|option| !option.is_empty());
    options
        .enumerate()
        .map(|(at, option)| {
            let (name, value) = option
                .split_once('=')
                .ok_or_else(|| wrong(format!("option {} is not `name=value`", at + 1)))?;
            Ok((name.to_owned(), decode(value, "an option's value")?))
        })
        .collect()
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(url: &str) -> Vec<String> {
        let url = RedisUrl::parse(url).expect(url);
        url.hosts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn urls_say_where_redis_is() {
        assert_eq!(shown("redis://localhost"), ["localhost:6379"]);
        assert_eq!(
            shown("rediss://a:1,[::1]:2,c/3"),
            ["a:1", "[::1]:2", "c:6379"]
        );
        assert_eq!(
            shown("redis+pubsub+sentinel://u:pw@a,b:2/mymaster/1"),
            ["mymaster of a:26379,b:2"]
        );
        assert_eq!(shown("redis+cluster+pubsub://a:1,b:2"), ["a:1,b:2"]);
        assert_eq!(
            shown("redis+unix:///run/re%20dis.sock"),
            ["/run/re dis.sock"]
        );

        let url = RedisUrl::parse("rediss+pubsub://me:p%40ss@h/7?prefix=a&key=%26").expect("valid");
        let host = url.hosts[0].inner();
        assert_eq!(host.user.as_deref(), Some("me"));
        assert_eq!(host.password.as_deref(), Some("p@ss"));
        assert_eq!((host.database, host.tls, url.pubsub), (7, true, true));
        assert_eq!(url.options[1], ("key".to_owned(), "&".to_owned()));
        let plain = RedisUrl::parse("redis://:pw@h").expect("valid");
        assert_eq!(plain.hosts[0].inner().user, None);
        assert!(!format!("{url:?}").contains("p@ss"));
    }

    #[test]
    fn a_wrong_url_says_what_is_wrong_and_shows_no_password() {
        for (url, what) in [
            ("hunter2", "begins with redis://"),
            ("reddis://:hunter2@h", "begins with redis://"),
            ("redis+pubsub+pubsub://h", "begins with redis://"),
            ("redis+sentinel+cluster://h/m", "begins with redis://"),
            ("rediss+unix:///s", "begins with redis://"),
            ("redis://", "host 1 is not"),
            ("redis://a,:hunter2", "host 2 is not"),
            ("redis://a:0", "host 1 is not"),
            ("redis://a b", "host 1 is not"),
            ("redis://[hunter2]", "host 1 is not"),
            ("redis://hunter2@h", "a user has a password"),
            ("redis://h/one", "is a number"),
            ("redis://h?hunter2", "option 1 is not `name=value`"),
            ("redis://:%ff@h", "the password is not percent-encoded"),
            ("redis+unix://s", "a path from the root"),
            ("redis+sentinel://h", "a master by its name"),
            ("redis+cluster://h/1", "the database 0 alone"),
        ] {
            let error = RedisUrl::parse(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(what), "{url}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let url = RedisUrl::parse("redis://h?prefix=a&hunter2=b").expect("valid");
        let error = url
            .options("prefix", |name, _| Ok(name == "prefix"))
            .expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "the URL of Redis is wrong: option 2 is unknown; known: prefix"
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(url in "rediss?(\\+(pubsub|sentinel|cluster|unix))?://[\\[\\]:/@,%?&=a0]{0,16}|\\PC*") {
            let _ = RedisUrl::parse(&url);
        }
    }
}
