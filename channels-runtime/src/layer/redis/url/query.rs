//! The options of a URL: those of the connection, which are read here, and those of the layer.

use std::path::PathBuf;

use super::super::hosts::Login;
use super::super::tls::{TlsOptions, Verify};
use super::{decode, wrong};
use crate::Result;

/// The names of the connection's options, which every Redis layer takes.
const KNOWN: &str = "db, username, password, sentinel_username, sentinel_password, \
                                ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_cert_reqs, \
                                ssl_check_hostname";

/// The options in the order in which they are written. Values are decoded.
#[derive(Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let options = text.split('&').filter(|option| !option.is_empty());
        let options = options.enumerate().map(|(at, option)| {
            let (name, value) = option
                .split_once('=')
                .ok_or_else(|| wrong(format!("option {} is not `name=value`", at + 1)))?;
            Ok((name.to_owned(), decode(value, "the value of an option")?))
        });
        Ok(Self(options.collect::<Result<_>>()?))
    }

    /// See [`RedisUrl::options`](super::RedisUrl::options).
    pub(super) fn layer(
        &self,
        known: &str,
        mut take: impl FnMut(&str, &str) -> Result<bool>,
    ) -> Result {
        let is_connection = |name: &str| KNOWN.split(", ").any(|known| known == name);
        for (at, (name, value)) in self.0.iter().enumerate() {
            if !is_connection(name) && !take(name, value)? {
                let at = at + 1;
                return Err(wrong(format!(
                    "option {at} is unknown; known: {known}, {KNOWN}"
                )));
            }
        }
        Ok(())
    }

    /// An option that may be given once.
    fn once(&self, name: &'static str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(wrong(format!("the option `{name}` is given twice"))),
            None => Ok(value),
        }
    }

    /// The login before the `@`, or `username` and `password`.
    pub(super) fn login(&self, before: Login) -> Result<Login> {
        let merge = |before: Option<String>, name| match (before, self.once(name)?) {
            (Some(before), Some(option)) if before != option => Err(wrong(format!(
                "the option `{name}` differs from the one before the `@`"
            ))),
            (before, option) => Ok(before.or_else(|| option.map(str::to_owned))),
        };
        let login = Login {
            user: merge(before.user, "username")?,
            password: merge(before.password, "password")?,
        };
        if login.user.is_some() && login.password.is_none() {
            return Err(wrong("a user needs a password: redis://user:password@host"));
        }
        Ok(login)
    }

    /// The login at Sentinel itself, which is not that of the master.
    pub(super) fn sentinel_login(&self) -> Result<Login> {
        let login = Login {
            user: self.once("sentinel_username")?.map(str::to_owned),
            password: self.once("sentinel_password")?.map(str::to_owned),
        };
        if login.user.is_some() && login.password.is_none() {
            return Err(wrong("`sentinel_username` needs `sentinel_password`"));
        }
        Ok(login)
    }

    /// The database of the path, or `db`. Defaults to 0.
    pub(super) fn database(&self, path: &str) -> Result<u32> {
        let number = |text: &str| {
            text.parse::<u32>()
                .map_err(|_| wrong("the database after the last `/` or in `db` is not a number"))
        };
        let path = Some(path).filter(|path| !path.is_empty());
        match (
            path.map(number).transpose()?,
            self.once("db")?.map(number).transpose()?,
        ) {
            (Some(path), Some(option)) if path != option => Err(wrong(
                "the option `db` differs from the database after the last `/`",
            )),
            (path, option) => Ok(path.or(option).unwrap_or_default()),
        }
    }

    /// The `ssl_` options, under the names of redis-py; `None` if there are none.
    pub(super) fn tls(&self) -> Result<Option<TlsOptions>> {
        let file = |name| self.once(name).map(|path| path.map(PathBuf::from));
        let options = TlsOptions {
            ca_certs: file("ssl_ca_certs")?,
            certfile: file("ssl_certfile")?,
            keyfile: file("ssl_keyfile")?,
            verify: self.verify()?,
        };
        let is_given = |(name, _): &(String, String)| name.starts_with("ssl_");
        Ok(self.0.iter().any(is_given).then_some(options))
    }

    fn verify(&self) -> Result<Verify> {
        let check_hostname = match self.once("ssl_check_hostname")? {
            None => None,
            Some(value) => match &*value.to_ascii_lowercase() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => return Err(wrong("`ssl_check_hostname` is not `true` or `false`")),
            },
        };
        match (self.once("ssl_cert_reqs")?, check_hostname) {
            (Some("none" | "CERT_NONE"), Some(true)) => Err(wrong(
                "`ssl_check_hostname=true` has no effect with `ssl_cert_reqs=none`",
            )),
            (Some("none" | "CERT_NONE"), _) => Ok(Verify::Nothing),
            // For a client, Python's `ssl` verifies with `optional` as with `required`.
            (
                None | Some("required" | "CERT_REQUIRED" | "optional" | "CERT_OPTIONAL"),
                check_hostname,
            ) => Ok(match check_hostname {
                Some(false) => Verify::Certificate,
                _ => Verify::All,
            }),
            _ => Err(wrong(
                "`ssl_cert_reqs` is not `required`, `optional` or `none`",
            )),
        }
    }
}

/// Values are not shown: one may be a password.
impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query({} options)", self.0.len())
    }
}

#[cfg(test)]
impl Query {
    pub(super) fn pair(&self, at: usize) -> (&str, &str) {
        (&self.0[at].0, &self.0[at].1)
    }
}
