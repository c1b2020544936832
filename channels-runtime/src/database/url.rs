//! A database's URL: which database it is, and whether its parameters are known.

use std::str::FromStr;

use super::sql::Dialect;
use crate::{BoxError, Error, ErrorKind, Result};

/// A URL whose parts are known.
pub(super) struct DatabaseUrl<'a> {
    pub(super) dialect: Dialect,
    text: &'a str,
}

/// The parameters that mean something; sqlx passes over others, and `sslmod=require` would connect
/// without TLS.
const SQLITE: &[&str] = &["cache", "immutable", "mode", "vfs"];
const POSTGRES: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];
const MYSQL: &[&str] = &[
    "socket",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "statement-cache-capacity",
];

impl<'a> DatabaseUrl<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let dialect = match scheme {
            "sqlite" => Dialect::Sqlite,
            "postgres" | "postgresql" => Dialect::Postgres,
            "mysql" | "mariadb" => Dialect::MySql,
            _ => {
                return Err(wrong(
                    "a database's URL begins with sqlite://, postgres:// or mysql://",
                ));
            }
        };
        if dialect != Dialect::Sqlite && !rest.starts_with("//") {
            return Err(wrong(format!("after `{scheme}:` comes `//`")));
        }
        let url = Self { dialect, text };
        url.check_parameters()?;
        if dialect == Dialect::Sqlite {
            url.check_file()?;
        }
        Ok(url)
    }

    /// sqlx's options. Its errors do not show the URL, which holds a password.
    pub(super) fn options<T: FromStr<Err: Into<BoxError>>>(&self) -> Result<T> {
        self.text
            .parse()
            .map_err(|error| Error::caused(ErrorKind::Config, "the database's URL is wrong", error))
    }

    fn check_parameters(&self) -> Result {
        let known = match self.dialect {
            Dialect::Sqlite => SQLITE,
            Dialect::Postgres => POSTGRES,
            Dialect::MySql => MYSQL,
        };
        match self.parameters().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => Err(wrong(format!(
                "the database's URL has the parameter {name:?}: there are {}",
                known.join(", ")
            ))),
            None => Ok(()),
        }
    }

    fn check_file(&self) -> Result {
        let (path, _) = self.text.split_once('?').unwrap_or((self.text, ""));
        let path = path.trim_start_matches("sqlite:");
        if path.trim_start_matches('/').is_empty() {
            return Err(wrong(
                "the database's URL names no file: sqlite://db.sqlite3",
            ));
        }
        // Each connection would have a database of its own.
        let in_memory = path.ends_with(":memory:") || self.parameter("mode") == Some("memory");
        if in_memory {
            return Err(wrong(
                "a SQLite database in memory is not shared: use the stores in memory",
            ));
        }
        Ok(())
    }

    /// Whether a file that is missing is to be made: `mode=rw` and `mode=ro` say that it is there.
    pub(super) fn makes_file(&self) -> bool {
        matches!(self.parameter("mode"), None | Some("rwc"))
    }

    fn parameter(&self, wanted: &str) -> Option<&'a str> {
        self.parameters()
            .find_map(|(name, value)| (name == wanted).then_some(value))
    }

    fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (_, query) = self.text.split_once('?').unwrap_or_default();
        query
            .split('&')
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}
